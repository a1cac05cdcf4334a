// The page of track records: what following the signals would have brought, by GET /record, and what the score is worth.

import { ApiError, ask } from "./api.js";
import { byId, h, setText, svg } from "./dom.js";
import { count } from "./format.js";
import { t, translatePage } from "./i18n.js";
import { inR } from "./market_panel.js";
import { WIDTH, chart, percent, plain } from "./record_charts.js";
import { scoreReport } from "./score_report.js";
import { setUpLook } from "./tools.js";

const [HEIGHT, EDGE] = [120, 6];
const BARS = 16;
let record = null;
let report = null;

function show() {
  translatePage();
  document.title = t("record.page");
  if (report) byId("score").replaceChildren(...scoreReport(report).filter(Boolean));
  if (record === null) return;
  const { total, groups } = record;
  if (total.signals === 0) {
    byId("record").replaceChildren(h("p", { class: "about" }, t("record.none")));
    return;
  }
  const lines = [...groups, all(total)];
  byId("record").replaceChildren(
    h("div", { class: "record-charts" }, equity(record), rates(lines), distribution(record.results)),
    h(
      "div",
      { class: "record-table", tabindex: "0", role: "region", "aria-label": t("record.title") },
      // the roles stay where a narrow screen makes a block of each line
      h("table", { role: "table" },
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, COLUMNS.map(([key]) => h("th", { scope: "col", role: "columnheader" }, t(key))))),
        h("tbody", { role: "rowgroup" }, lines.map(line))),
    ),
    h("p", { class: "about" }, [lines.some(({ few }) => few) && t("record.few"), t("record.costs")].filter(Boolean).join(" ")),
  );
}

const all = (total) => ({ ...total, name: t("record.all"), isAll: true });

const result = (value) => (value === null ? "–" : inR(value));

const COLUMNS = [
  ["record.group", (one) => one.name],
  ["record.signals", (one) => count(one.signals)],
  ["record.entered", (one) => percent(one.entered_share)],
  ["record.results", (one) => `${count(one.resolved)}${one.few ? " *" : ""}`],
  ["record.hits", (one) => percent(one.hit_rate)],
  ["record.interval", (one) => `${percent(one.hit_rate_low)} – ${percent(one.hit_rate_high)}`],
  ["record.average", (one) => result(one.average_r)],
  ["record.median", (one) => result(one.median_r)],
  ["record.factor", (one) => plain(one.profit_factor)],
  ["record.expectancy", (one) => result(one.expectancy)],
  ["record.run", (one) => count(one.longest_losing_run)],
  ["record.drawdown", (one) => plain(one.max_drawdown_r)],
  ["record.claims", (one) => `${count(one.claims_agree)} / ${count(one.claims_contradict)}`],
];

function line(one) {
  const kinds = [one.few && "few", one.isAll && "all"].filter(Boolean).join(" ");
  return h("tr", { class: kinds, role: "row" }, COLUMNS.map(([key, told]) => h("td", { role: "cell", "data-label": t(key) }, told(one))));
}

// ── charts ───────────────────────────────────────────────────────────────────

/** The sum of results, from zero on. */
function equity({ equity: points, total }) {
  const sums = [0, ...points.map(({ r }) => r)];
  const [low, high] = [Math.min(...sums), Math.max(...sums)];
  const y = (sum) => EDGE + ((high - sum) / (high - low || 1)) * (HEIGHT - 2 * EDGE);
  const x = (index) => (index / Math.max(1, sums.length - 1)) * WIDTH;
  const path = sums.map((sum, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(sum).toFixed(1)}`).join("");
  return chart(
    "record.equity",
    HEIGHT,
    [svg("line", { class: "record-zero", x1: 0, x2: WIDTH, y1: y(0), y2: y(0) }), svg("path", { class: "record-line", d: path })],
    t("record.equityNote", inR(total.total_r), plain(total.max_drawdown_r)),
  );
}

/** The hit rate of each group with its interval. */
function rates(groups) {
  const shown = groups.filter((one) => one.hit_rate !== null).slice(-8);
  const step = 26;
  const parts = shown.flatMap((one, index) => {
    const y = 12 + index * step;
    const x = (rate) => 4 + rate * (WIDTH - 8);
    return [
      svg("text", { class: "record-label", x: 0, y: y - 1 }, `${one.name}${one.few ? " *" : ""}`),
      svg("line", { class: "record-range", x1: x(one.hit_rate_low), x2: x(one.hit_rate_high), y1: y + 8, y2: y + 8 }),
      svg("circle", { class: "record-rate", cx: x(one.hit_rate), cy: y + 8, r: 4 }),
    ];
  });
  const total = groups.at(-1);
  return chart("record.rates", Math.max(HEIGHT, 12 + shown.length * step), parts,
    t("record.ratesNote", percent(total.hit_rate), percent(total.hit_rate_low), percent(total.hit_rate_high)));
}

/** How many results lie in each of some equal spans. */
function distribution(results) {
  const [low, high] = [Math.min(-1, ...results), Math.max(1, ...results)];
  const width = (high - low) / BARS;
  const counts = Array(BARS).fill(0);
  for (const r of results) counts[Math.min(BARS - 1, Math.floor((r - low) / width))] += 1;
  const most = Math.max(1, ...counts);
  const step = WIDTH / BARS;
  const parts = counts.map((number, index) => {
    const tall = (number / most) * (HEIGHT - 20);
    const middle = low + (index + 0.5) * width;
    return svg("rect", {
      ...{ class: middle < 0 ? "record-loss" : "record-gain", x: index * step + 1, y: HEIGHT - 16 - tall },
      ...{ width: step - 2, height: tall },
    });
  });
  parts.push(svg("text", { class: "record-label", x: 0, y: HEIGHT - 3 }, inR(low)));
  parts.push(svg("text", { class: "record-label", x: WIDTH, y: HEIGHT - 3, "text-anchor": "end" }, inR(high)));
  return chart("record.distribution", HEIGHT, parts, t("record.distributionNote", results.length, count(results.length)));
}

// ── asking ───────────────────────────────────────────────────────────────────

async function load() {
  const { by, exit } = Object.fromEntries(new FormData(byId("chosen")));
  try {
    record = (await ask(`/api/v1/record?by=${by}&exit=${exit}`)).body;
    byId("trouble").hidden = true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    setText(byId("trouble"), t("record.failed"));
    byId("trouble").hidden = false;
  }
  show();
}

async function loadScore() {
  try {
    report = (await ask("/api/v1/score/report")).body;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    byId("score").replaceChildren(h("p", { class: "about" }, t("score.failed")));
  }
}

byId("chosen").addEventListener("change", load);
setUpLook({ onLanguage: show });
show();
await loadScore();
await load();
if (location.hash === "#score") byId("score").scrollIntoView();
