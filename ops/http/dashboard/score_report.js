// The report of the score: whether it is shown, why, and what it is worth, by GET /score/report.

import { h, svg } from "./dom.js";
import { count, instant } from "./format.js";
import { known, t } from "./i18n.js";
import { WIDTH, chart, percent, plain } from "./record_charts.js";

const [SIDE, EDGE, ROW] = [240, 34, 22];
const MOST_FEATURES = 10;

/** Return the elements of a report. */
export function scoreReport(report) {
  const { evidence, features } = report;
  return [
    h("h2", {}, t("score.title")),
    h("p", { class: "about" }, t("score.about")),
    h("p", { class: report.shown ? "score-shown" : "score-hidden" }, stateText(report)),
    report.trained_at && h("dl", { class: "meta" }, facts(report)),
    evidence?.reliability.length > 0 &&
      h("div", { class: "record-charts" }, curve(evidence.reliability), features.length > 0 && weights(features)),
  ];
}

function stateText({ shown, reason, results, evidence, ...least }) {
  if (shown) return t("score.shown");
  const values = {
    not_trained: [count(least.least_results), count(results)],
    few_results: [count(least.least_foretold), count(evidence?.foretold ?? 0)],
    few_days: [count(least.least_days), count(evidence?.days ?? 0)],
    no_skill: [percent(evidence?.skill_low ?? null, 1), percent(evidence?.skill_high ?? null, 1)],
    no_week_skill: [percent(evidence?.week_skill_low ?? null, 1), percent(evidence?.week_skill_high ?? null, 1)],
  }[reason];
  return t("score.notEnough", t(`score.why.${reason}`, ...values));
}

function facts({ results, evidence, trained_at: trainedAt, model }) {
  const { foretold, days, skill, auc } = evidence;
  const gain = [skill, evidence.skill_low, evidence.skill_high].map((value) => percent(value, 1));
  return [
    fact(t("score.results"), count(results)),
    fact(t("score.foretold"), t("score.foretoldOf", count(foretold), count(days))),
    skill !== null && fact(t("score.skill"), t("score.skillOf", ...gain)),
    auc !== null && fact(t("score.auc"), plain(auc)),
    evidence.slope !== null && fact(t("score.line"), `${plain(evidence.slope)}; ${plain(evidence.intercept)}`),
    fact(t("score.trained"), instant(Date.parse(trainedAt))),
    model && fact(t("score.model"), h("code", {}, model)),
  ];
}

const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

/** What is told across, and the share of hits upwards. */
function curve(points) {
  const x = (share) => EDGE + share * (WIDTH - EDGE - 8);
  const y = (share) => SIDE - EDGE - share * (SIDE - EDGE - 8);
  const marks = [0, 0.5, 1].flatMap((share) => [
    svg("text", { class: "record-label", x: x(share), y: SIDE - 8, "text-anchor": share === 1 ? "end" : "middle" }, percent(share)),
    share > 0 && svg("text", { class: "record-label", x: EDGE - 2, y: y(share) + 8, "text-anchor": "end" }, percent(share)),
  ]);
  const parts = points.flatMap((point) => [
    svg("line", { class: "record-range", x1: x(point.probability), x2: x(point.probability), y1: y(point.share_low), y2: y(point.share_high) }),
    svg("circle", { class: "record-rate", cx: x(point.probability), cy: y(point.share), r: 4 },
      svg("title", {}, `${percent(point.probability)} → ${percent(point.share)} (${count(point.number)})`)),
  ]);
  const line = svg("line", { class: "record-zero", x1: x(0), x2: x(1), y1: y(0), y2: y(1) });
  return chart("score.curve", SIDE, [line, ...marks.filter(Boolean), ...parts], t("score.curveNote"));
}

/** How far each group of features moves a signal. */
function weights(features) {
  const shown = features.slice(0, MOST_FEATURES);
  const most = Math.max(...shown.map(({ influence }) => influence)) || 1;
  const parts = shown.flatMap(({ name, influence }, index) => [
    svg("text", { class: "record-label", x: 0, y: index * ROW + 15 }, featureName(name)),
    svg("rect", { class: "score-weight", x: WIDTH / 2, y: index * ROW + 5, width: (influence / most) * (WIDTH / 2 - 44), height: 12 }),
    svg("text", { class: "record-label", x: WIDTH, y: index * ROW + 15, "text-anchor": "end" }, plain(influence)),
  ]);
  return chart("score.weights", shown.length * ROW + 6, parts, t("score.weightsNote"));
}

/** Return what a group of features is called. */
export const featureName = (name) => (known(`score.name.${name}`) ? t(`score.name.${name}`) : name);
