// What the market's prices say of an opened signal: what became of it, whether its channel says the same, and its indicators.

import { h, icon } from "./dom.js";
import { instant, price } from "./format.js";
import { known, locale, t } from "./i18n.js";
import { percent } from "./record_charts.js";
import { featureName } from "./score_report.js";

const INDICATORS = ["rsi_14", "macd_histogram", "atr_14", "sma_20", "sma_50", "sma_200"];
const RATIOS = ["entry_distance_atr", "position_52w", "volume_ratio"];

/** Return the panel of a signal, null where no prices of its asset are known. */
export function marketPanel({ outcome, market, score }) {
  if (!outcome) return null;
  return h(
    "section",
    { class: "market", "aria-label": t("market.title") },
    h("h3", {}, t("market.title")),
    h(
      "dl",
      { class: "meta" },
      fact(t("market.outcome"), stateText(outcome)),
      outcome.entered_at && fact(t("market.entry"), `${price(outcome.entry)} · ${instant(Date.parse(outcome.entered_at))}`),
      outcome.reached.length > 0 && fact(t("market.reached"), String(outcome.reached.length)),
      outcome.exit && fact(t("market.exit"), price(outcome.exit)),
      outcome.first_r && fact(t("market.first"), inR(outcome.first_r)),
      outcome.final_r && fact(t("market.final"), inR(outcome.final_r)),
      outcome.scaled_r && fact(t("market.scaled"), inR(outcome.scaled_r)),
      outcome.favourable_r &&
        outcome.entered_at &&
        fact(t("market.excursion"), `${inR(outcome.favourable_r)} / ${inR(minus(outcome.adverse_r))}`),
      outcome.claim && fact(t("market.claim"), claimText(outcome.claim)),
    ),
    outcome.same_bar && h("p", { class: "raw-note" }, t("market.sameBar")),
    h("h3", {}, t("score.title")),
    score ? probability(score) : h("p", { class: "raw-note" }, t("score.none"), " ", h("a", { href: "record.html#score" }, t("score.reason"))),
    market && [h("h3", {}, t("market.indicators")), indicators(market)],
    market?.underlying_indicators && [
      h("h3", {}, t("market.of", market.underlying)),
      indicators(market.underlying_indicators),
    ],
  );
}

function probability({ probability: chance, base_rate: base, contributions }) {
  return h(
    "dl",
    { class: "meta" },
    fact(t("score.probability"), percent(Number(chance))),
    fact(t("score.base"), percent(Number(base))),
    contributions.map(({ name, effect }) => fact(featureName(name), effectText(Number(effect)))),
  );
}

/** Return in words by how much something moved the log-odds. */
function effectText(effect) {
  const strength = Math.abs(effect) < 0.1 ? "little" : Math.abs(effect) < 0.4 ? "some" : "much";
  return t(`score.${effect < 0 ? "lowers" : "raises"}.${strength}`);
}

/** Return the mark of a signal that is over by prices while its channel has not ended it, else null. */
export function marketTag({ outcome, valid }) {
  if (!valid || !["stopped", "target"].includes(outcome?.state)) return null;
  return h("span", { class: "warn" }, icon("caution", 12), t(`market.end.${outcome.state}`));
}

const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
const minus = (text) => (Number(text) === 0 ? text : `-${text}`);

/** Return "+1,50 R". */
export function inR(text) {
  const value = Number(text);
  const digits = new Intl.NumberFormat(locale(), { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return `${value < 0 ? "−" : "+"}${digits.format(Math.abs(value))} R`;
}

function stateText(outcome) {
  const state = t(`market.state.${outcome.state}`);
  const reason = outcome.reason && `market.reason.${outcome.reason}`;
  return reason ? `${state}: ${known(reason) ? t(reason) : outcome.reason}` : state;
}

function claimText(claim) {
  const sign = { agrees: "ok", contradicts: "bad" }[claim] ?? "dash";
  return h("span", { class: `claim ${claim}` }, icon(sign, 14), " ", t(`market.claim.${claim}`));
}

function indicators(market) {
  const known = [...INDICATORS, ...RATIOS];
  const note = [...new Set(known.filter((name) => market[name] === null).map((name) => market.missing[name]))];
  return [
    h(
      "dl",
      { class: "meta" },
      market.last_close && fact(t("market.lastClose"), price(market.last_close)),
      known
        .filter((name) => market[name] !== null)
        .map((name) => fact(t(`market.${name}`), figure(market[name]))),
    ),
    note.length > 0 &&
      h("p", { class: "raw-note" }, t("market.missing", note.map((name) => t(`market.missing.${name}`)).join("; "))),
  ];
}

/** Return a figure with as many places as tell something: prices of an option are small. */
function figure(text) {
  const value = Number(text);
  const places = Math.abs(value) < 1 ? 4 : 2;
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: places }).format(value);
}
