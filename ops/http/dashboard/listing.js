// What stands around the table: how many signals, whether they are old, what to do when there are none.

import { byId, h, setText } from "./dom.js";
import { count, since } from "./format.js";
import { t } from "./i18n.js";
import { stands } from "./model.js";
import { isWhole } from "./order.js";

/** Return the signals in the order asked for, which the API does not have in every case. */
export function inOrder(signals, { column, columnDirection }) {
  const value = {
    asset: (signal) => signal.asset,
    status: (signal) => signal.status,
    rr: ({ riskReward: { first, final } }) => (final ?? first) && Number(final ?? first),
  }[column];
  if (!value) return signals;
  const way = columnDirection === "asc" ? 1 : -1;
  return [...signals].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    // what has no figure stands last in both directions
    if (x === null || y === null) return (x === null) - (y === null) || b.ts - a.ts;
    return x < y ? -way : x > y ? way : b.ts - a.ts;
  });
}

/** Show count, notices and buttons of a list. */
export function showList(list, filters, now) {
  setText(byId("count"), countText(list, filters));
  showNotice(list, now);
  const ascending = filters.question.direction === "asc";
  const more = byId("more");
  more.hidden = !list.more;
  more.disabled = list.loadingMore;
  setText(more, t(list.loadingMore ? "list.loading" : ascending ? "list.moreAscending" : "list.more"));
  setText(byId("end"), t(filters.onlyValid ? "list.endValid" : "list.end"));
  byId("end").hidden = list.more || list.state !== "ready" || list.rows.length === 0 || ascending;
  byId("newer").hidden = !list.frozen;
  byId("signals").setAttribute("aria-busy", String(list.state === "loading"));
  showEmpty(list, filters);
}

function countText(list, filters) {
  if (list.state === "loading") return t("signals.loading");
  // those that have just ended are still shown
  const counted = filters.onlyValid ? list.rows.filter((signal) => stands(signal, list.filters)) : list.rows;
  if (counted.length === 0) return "";
  const number = count(counted.length);
  const text = t(list.more || list.frozen ? "count.more" : "count.all", counted.length, number);
  return isWhole(filters.question) || !list.more ? text : `${text}, ${t("count.sorted")}`;
}

function showNotice(list, now) {
  const text =
    list.staleAt === null ? "" : t(list.isKept ? "notice.kept" : "notice.stale", since(list.staleAt, now));
  byId("notice").hidden = text === "";
  setText(byId("notice"), text);
}

function showEmpty(list, filters) {
  const box = byId("empty");
  const loading = list.state === "loading";
  box.hidden = list.rows.length > 0;
  box.dataset.state = list.state;
  if (box.hidden) return;
  if (loading) {
    // the shape of what is coming; the count's line says it in words
    if (!box.querySelector(".bone"))
      box.replaceChildren(
        ...Array.from({ length: 6 }, () => h("span", { class: "bone", "aria-hidden": "true" })),
      );
    return;
  }
  const found = filters.active ? "filtered" : filters.onlyValid ? "valid" : "none";
  const text = t(`empty.${["failed", "refused"].includes(list.state) ? list.state : found}`);
  if (box.firstElementChild?.textContent === text) return;
  const button = (words, act) => h("button", { type: "button", class: "button", onclick: act }, t(words));
  box.replaceChildren(
    h("p", {}, text),
    ...(list.state === "failed" || !filters.active ? [] : [button("filters.clear", () => filters.clear())]),
    ...(list.state !== "ready" || !filters.onlyValid ? [] : [button("empty.showAll", () => filters.showAll())]),
  );
}
