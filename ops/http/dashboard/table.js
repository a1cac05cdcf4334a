// The table of signals. A row is rebuilt only when its signal changed, so focus and open details stay.

import { detailRow } from "./detail.js";
import { byId, h, icon } from "./dom.js";
import { clock, day, instant, isLong, price, shortPrice } from "./format.js";
import { grouped } from "./groups.js";
import { currentLanguage, t } from "./i18n.js";
import { marketTag } from "./market_panel.js";
import { priceLine } from "./priceline.js";
import { statusTag } from "./status.js";

const COLUMNS = ["ts", "asset", "stop", "entry", "targets", "line", "rr", "status", "detail"];
const SORTABLE = {
  ts: ["desc", "asc"],
  asset: ["asc", "desc"],
  rr: ["desc", "asc"],
  status: ["asc", "desc"],
};
const NEW_MS = 60_000;
/** Below these widths rows are cards, and cards of a phone; table.css has the same numbers. */
export const [cards, phones] = [1139, 719].map((width) => matchMedia(`(max-width: ${width}px)`));
/** The room of a row's picture. */
const pictureRoom = () =>
  phones.matches ? { width: 342, height: 18 } : { width: cards.matches ? 200 : 150, height: 34 };

export class Table {
  #kept = new Map();
  #open = new Set();
  #newUntil = new Map();

  /** `onSort` gets { column, direction }, `onOpen` the id of the opened row or null; `channelName` gives a channel's label. */
  constructor({ onSort, onOpen, channelName }) {
    this.onOpen = onOpen;
    this.onSort = onSort;
    this.channelName = channelName;
  }

  /** Write the heads, with the present order told to those who cannot see the arrow. */
  showHeads(sort) {
    const focused = document.activeElement?.dataset?.sort;
    byId("columns").replaceChildren(...COLUMNS.map((column) => this.#head(column, sort)));
    if (focused) byId("columns").querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  /** Mark signals as new for a minute. */
  mark(signals) {
    for (const signal of signals) this.#newUntil.set(signal.id, Date.now() + NEW_MS);
  }

  /** Open a row that is shown, and bring it into view. */
  open(id) {
    const kept = this.#kept.get(id);
    if (!kept) return;
    if (!this.#open.has(id)) kept.row.querySelector(".expand").click();
    kept.row.scrollIntoView({ block: "center" });
    kept.row.querySelector(".expand").focus({ preventScroll: true });
  }

  /** Show these signals in this order, with a head for each asset if they are `byAsset`. There may be `more` of them. */
  show(signals, now, { byAsset, more }) {
    const body = byId("rows");
    const used = new Set(signals.map(({ id }) => id));
    let closed = false;
    const rowsOf = (signal) => this.#rows(signal, now);
    const wanted = byAsset ? grouped(signals, COLUMNS.length, rowsOf, { more }) : signals.flatMap(rowsOf);
    for (const id of this.#kept.keys()) {
      if (!used.has(id)) {
        this.#kept.delete(id);
        closed = this.#open.delete(id) || closed;
        this.#newUntil.delete(id);
      }
    }
    if (closed) this.#tellOpen();
    // move only what stands elsewhere: a moved element loses its focus
    const stay = new Set(wanted);
    for (const row of [...body.children]) if (!stay.has(row)) row.remove();
    wanted.forEach((row, index) => {
      if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
    });
  }

  #rows(signal, now) {
    const isNew = (this.#newUntil.get(signal.id) ?? 0) > now;
    const label = this.channelName(signal.channel, signal.channelLabel);
    // all that a row shows: of a few hundred signals this takes a millisecond or two
    const signature = JSON.stringify([
      signal,
      currentLanguage(),
      pictureRoom(),
      day(signal.ts, now),
      signal.statusSince && day(signal.statusSince, now),
      isNew,
      label,
    ]);
    let kept = this.#kept.get(signal.id);
    if (kept?.signature !== signature) {
      const hadFocus = kept?.row.contains(document.activeElement);
      kept = { signature, row: this.#row(signal, label, isNew, now), detail: null };
      this.#kept.set(signal.id, kept);
      if (hadFocus) queueMicrotask(() => kept.row.querySelector("button")?.focus());
    }
    if (!this.#open.has(signal.id)) return [kept.row];
    kept.detail ??= detailRow(signal, { columns: COLUMNS.length, channel: label });
    return [kept.row, kept.detail];
  }

  #row(signal, channel, isNew, now) {
    const button = h(
      "button",
      {
        type: "button",
        class: "expand",
        "aria-expanded": String(this.#open.has(signal.id)),
        "aria-label": t("detail.show", signal.asset),
      },
      icon("chevron", 18),
    );
    const row = h(
      "tr",
      {
        role: "row",
        class: `signal${isNew ? " is-new" : ""}`,
        "data-id": signal.id,
        "data-status": signal.status,
      },
      cell(
        "ts",
        h(
          "time",
          { datetime: new Date(signal.ts).toISOString(), title: instant(signal.ts) },
          h("span", { class: "time" }, clock(signal.ts)),
          " ",
          h("span", { class: "date" }, day(signal.ts, now)),
        ),
      ),
      cell(
        "asset",
        h(
          "span",
          { class: "asset-name" },
          h("b", { title: signal.asset.length > 14 && signal.asset }, signal.asset),
          sideTag(signal.side),
        ),
        h(
          "span",
          { class: "asset-more" },
          h("span", { class: "clip", title: signal.type }, signal.type),
          channel && ["·", h("span", { class: "clip", title: channel }, channel)],
          warningTag(signal.warnings),
          marketTag(signal),
          isNew && h("span", { class: "new-tag" }, t("new")),
        ),
      ),
      cell("stop", stopFigure(signal)),
      cell("entry", entryFigure(signal.now)),
      cell("targets", targetFigures(signal)),
      cell("line", priceLine(signal, pictureRoom())),
      cell("rr", ratioFigures(signal.riskReward)),
      cell("status", statusTag(signal, now)),
      cell("detail", button),
    );
    const toggle = () => this.#toggle(signal, row, button);
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      toggle();
    });
    // the whole row answers to the pointer, unless a text is being selected; the keyboard has the button
    row.addEventListener("click", () => {
      if (getSelection().isCollapsed) toggle();
    });
    return row;
  }

  #toggle(signal, row, button) {
    const kept = this.#kept.get(signal.id);
    const open = !this.#open.has(signal.id);
    if (open) {
      this.#open.add(signal.id);
      const label = this.channelName(signal.channel, signal.channelLabel);
      // made first, then placed: it measures the room that the table gives
      kept.detail ??= detailRow(signal, { columns: COLUMNS.length, channel: label });
      row.after(kept.detail);
    } else {
      this.#open.delete(signal.id);
      kept.detail?.remove();
    }
    button.setAttribute("aria-expanded", String(open));
    this.#tellOpen();
  }

  /** Tell which row was opened last, of those that are still open. */
  #tellOpen() {
    this.onOpen([...this.#open].at(-1) ?? null);
  }

  #head(column, sort) {
    const title = t(`column.${column}`);
    const attributes = { scope: "col", role: "columnheader", class: `c-${column}` };
    if (column === "detail") return h("th", attributes, h("span", { class: "unseen" }, title));
    const ways = SORTABLE[column];
    if (!ways) return h("th", attributes, title);
    const active = sort.column === column;
    const direction = active ? sort.direction : null;
    if (active) attributes["aria-sort"] = direction === "asc" ? "ascending" : "descending";
    const next = active ? ways.find((way) => way !== direction) : ways[0];
    return h(
      "th",
      attributes,
      h(
        "button",
        {
          type: "button",
          class: "sort",
          "data-sort": column,
          "data-direction": direction,
          title: t("sort.by", title.toLowerCase()),
          onclick: () => this.onSort({ column, direction: next }),
        },
        title,
        icon("up", 12),
      ),
    );
  }
}

function cell(column, ...content) {
  // on a phone the heads are not seen: CSS writes this label
  return h("td", { role: "cell", class: `c-${column}`, "data-label": t(`column.${column}`) }, ...content);
}

/** A price for a cell: of a message's hundred digits the first ones are seen, all of them are its title. */
const inCell = (text) =>
  isLong(text) ? h("span", { class: "long", title: price(text) }, price(text)) : price(text);

const figure = (text) => h("span", { class: text === null ? "figure none" : "figure" }, inCell(text));

/** The stop that holds now; one that the channel has moved says so, and what it was. */
function stopFigure({ stop, now }) {
  if (now.stop === stop && !now.breakeven) return figure(stop);
  const text = now.stop === null && now.breakeven ? t("atEntry") : inCell(now.stop);
  return h(
    "span",
    { class: "figure moved", title: t("postedStop", price(stop)) },
    text,
    " ",
    h("span", { class: "tag" }, t("moved")),
  );
}

function entryFigure({ entryMin, entryMax }) {
  if (entryMin === null || entryMax === null || entryMin === entryMax) return figure(entryMin ?? entryMax);
  return h(
    "span",
    { class: "figure" },
    h("span", {}, inCell(entryMin)),
    " ",
    h("span", {}, "– ", inCell(entryMax)),
  );
}

function targetFigures({ ladder }) {
  if (ladder.length === 0) return figure(null);
  return h(
    "ol",
    { class: "targets" },
    ladder.map(({ price: text, reached }) =>
      h(
        "li",
        { class: reached ? "reached" : null },
        inCell(text),
        reached && [icon("ok", 12), h("span", { class: "unseen" }, ` ${t("reached")}`)],
      ),
    ),
  );
}

function ratioFigures({ first, final }) {
  if (final === null && first === null) return figure(null);
  return h(
    "span",
    { class: "ratio" },
    h("span", { class: "figure" }, inCell(final ?? first)),
    first !== null &&
      final !== null &&
      first !== final &&
      h("span", { class: "first" }, t("rr.first", shortPrice(first))),
  );
}

function sideTag(side) {
  const sell = side === "sell";
  return h(
    "span",
    { class: `side ${sell ? "sell" : "buy"}` },
    icon(sell ? "down" : "up", 12),
    t(sell ? "side.sell" : "side.buy"),
  );
}

function warningTag(warnings) {
  if (warnings.length === 0) return null;
  return h("span", { class: "warn" }, icon("caution", 12), t("warnings.count", warnings.length));
}
