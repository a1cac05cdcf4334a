// Two small charts from GET /summary, each with a table of the same figures for those who do not see it.

import { byId, h, svg } from "./dom.js";
import { count, dateOf, dayOfDate, since } from "./format.js";
import { t } from "./i18n.js";

const HEIGHT = 96;
const BASE = HEIGHT - 16;

/** Show both; `summary` is null while it is loading, `failed` when it could not be had, `onlyValid` what still counts. */
export function showCharts(summary, { failed = false, onlyValid = false, now = Date.now() } = {}) {
  const days = byId("days");
  const outcomes = byId("outcomes");
  if (summary === null) {
    const word = h("p", { class: "chart-note" }, t(failed ? "figures.failed" : "figures.loading"));
    days.replaceChildren(word);
    outcomes.replaceChildren();
    return;
  }
  const counts = summary.days.map((day) => ({ date: day.date, signals: day.buy + day.sell }));
  // a period that has not begun has no days
  const period = counts.length > 0 ? t("figures.period", dateOf(counts[0].date), dateOf(counts.at(-1).date)) : "";
  const stale = summary.stale ? now - summary.staleSeconds * 1000 : null;
  days.replaceChildren(
    ...(counts.length > 0 ? [perDay(counts, Math.max(240, Math.round(days.clientWidth)))] : []),
    h(
      "figcaption",
      {},
      t(onlyValid ? "days.captionValid" : "days.caption", summary.signals, count(summary.signals), period),
      stale !== null && ` ${t("figures.stale", since(stale, now))}`,
    ),
    unseenTable(
      t("days.title"),
      [t("days.date"), t("days.count")],
      counts.map((day) => [dayOfDate(day.date), day.signals]),
    ),
  );
  const shares = sharesOf(summary.outcomes);
  outcomes.replaceChildren(
    ...(summary.signals === 0
      ? [h("p", { class: "chart-note" }, t("figures.none"))]
      : [shareBar(shares), legend(shares), h("figcaption", {}, t("outcomes.note", period))]),
  );
}

/**
 * Return the outcomes to show, in the order of the bar: kind, count and whole per cent.
 *
 * Per cents are given out by the largest remainder, so that they sum up to 100.
 */
export function sharesOf(outcomes) {
  const order = ["target_final", "target", "open", "waiting", "stopped", "cancelled", "expired"];
  const counts = Object.fromEntries(order.map((kind) => [kind, 0]));
  for (const [status, number] of Object.entries(outcomes)) {
    const kind = /^target_\d+$/.test(status) ? "target" : status;
    counts[kind] = (counts[kind] ?? 0) + number;
  }
  const total = Object.values(counts).reduce((a, b) => a + b, 0);
  const shares = Object.entries(counts)
    .filter(([, number]) => number > 0)
    .map(([kind, number]) => ({
      kind,
      number,
      percent: Math.floor((number * 100) / total),
      rest: (number * 100) % total,
    }));
  let missing = 100 - shares.reduce((sum, share) => sum + share.percent, 0);
  for (const share of [...shares].sort((a, b) => b.rest - a.rest)) {
    if (missing > 0) {
      share.percent += 1;
      missing -= 1;
    }
  }
  return shares;
}

function perDay(days, width) {
  const most = Math.max(1, ...days.map((day) => day.signals));
  const step = width / days.length;
  const bar = Math.max(2, Math.min(18, step - 3));
  const bars = days.map((day, index) => {
    const tall = day.signals === 0 ? 1.5 : Math.max(3, (day.signals / most) * (BASE - 14));
    const label = t("days.day", dayOfDate(day.date), day.signals);
    const x = index * step + (step - bar) / 2;
    return svg(
      "g",
      {},
      svg("title", {}, label),
      // the whole column answers to the pointer, not just a low bar
      svg("rect", { class: "bar-room", x: index * step, y: 0, width: step, height: BASE }),
      svg("rect", {
        class: day.signals ? "bar" : "bar bar-none",
        x,
        y: BASE - tall,
        width: bar,
        height: tall,
        rx: 1.5,
      }),
    );
  });
  const edge = (index, anchor, x) =>
    svg(
      "text",
      { class: "chart-text", x, y: HEIGHT - 2, "text-anchor": anchor },
      dayOfDate(days[index].date),
    );
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, class: "bars", "aria-hidden": "true" },
    days.some((day) => day.signals > 0) &&
      svg("text", { class: "chart-text", x: 0, y: 9 }, t("days.most", count(most))),
    bars,
    edge(0, "start", 0),
    edge(days.length - 1, "end", width),
  );
}

function shareBar(shares) {
  const total = shares.reduce((sum, share) => sum + share.number, 0);
  let before = 0;
  const pieces = shares.map((share) => {
    const x = (before / total) * 1000;
    before += share.number;
    const width = (share.number / total) * 1000;
    return svg("rect", {
      class: `share ${share.kind}`,
      x: x + 2,
      y: 0,
      width: Math.max(3, width - 4),
      height: 12,
    });
  });
  return svg(
    "svg",
    {
      viewBox: "0 0 1000 12",
      height: 12,
      preserveAspectRatio: "none",
      class: "shares",
      "aria-hidden": "true",
    },
    pieces,
  );
}

/** The legend is the table of the same figures. */
function legend(shares) {
  return h(
    "table",
    { class: "legend", "aria-labelledby": "outcomes-title" },
    h(
      "thead",
      { class: "unseen" },
      h(
        "tr",
        {},
        h("th", { scope: "col" }, t("outcomes.outcome")),
        h("th", { scope: "col" }, t("days.count")),
        h("th", { scope: "col" }, t("outcomes.share")),
      ),
    ),
    h(
      "tbody",
      {},
      shares.map((share) =>
        h(
          "tr",
          {},
          h(
            "th",
            { scope: "row" },
            svg(
              "svg",
              { viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" },
              svg("rect", { class: `share ${share.kind}`, width: 10, height: 10, rx: 2.5 }),
            ),
            outcomeName(share.kind),
          ),
          h("td", {}, count(share.number)),
          h("td", { class: "percent" }, `${share.percent} %`),
        ),
      ),
    ),
  );
}

function outcomeName(kind) {
  return kind === "target" ? t("filters.status.target") : t(`status.${kind}`);
}

function unseenTable(caption, heads, rows) {
  return h(
    "div",
    { class: "unseen" },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, String(value)))),
      ),
    ),
  );
}
