// The page's head: the verdict in words, the figures beside it, the state of each part, the history's bar.

import { byId, h, icon, setText } from "./dom.js";
import { ago, count, instant, since, span } from "./format.js";
import { known, t } from "./i18n.js";
import { factsOf, progressOf } from "./trust.js";

const ICON_OF_LEVEL = { wait: "wait", ok: "ok", notice: "ok", caution: "caution", bad: "bad" };
const ICON_OF_STATE = { healthy: "ok", degraded: "caution", unhealthy: "bad" };

/** Show the verdict; live regions are touched only where words change. */
export function showVerdict({ level, headline = level, reasons }) {
  const box = byId("trust");
  if (box.dataset.level !== level || !byId("verdict-icon").hasChildNodes()) {
    box.dataset.level = level;
    byId("verdict-icon").replaceChildren(icon(ICON_OF_LEVEL[level], 22));
  }
  setText(byId("headline"), t(`verdict.${headline}`));
  const list = byId("reasons");
  if (list.dataset.shown !== reasons.join("\n")) {
    list.dataset.shown = reasons.join("\n");
    list.replaceChildren(...reasons.map((reason) => h("li", {}, reason)));
  }
}

/** Show how the page hears of news: live, polling, waiting, lost or starting. */
export function showLive(state) {
  const box = byId("live");
  box.dataset.state = state;
  setText(box, t(`live.${state}`));
}

/**
 * Show the figures; called each second, for "3 s ago" grows. `now` is by the service's clock.
 *
 * While nobody answers, ages go on growing, and what may have changed since is not claimed.
 */
export function showFacts({ health, summary, unreachableSince }, now) {
  const facts = factsOf(health, summary);
  const { poll, newest } = facts;
  const { breaker, lagSeconds } = unreachableSince === null ? facts : { breaker: null, lagSeconds: null };
  const shown = [
    ["poll", poll === null ? null : ago(poll, now), poll],
    ["newest", newest === null ? null : ago(newest, now), newest],
    ["breaker", breaker === null ? null : t(`breaker.${breaker}`), null],
    ["lag", lagSeconds === null ? null : span(lagSeconds), null],
  ];
  const box = byId("facts");
  if (box.childElementCount !== shown.length) {
    box.replaceChildren(...shown.map(() => h("div", {}, h("dt"), h("dd"))));
  }
  shown.forEach(([name, text, at], index) => {
    const [term, value] = box.children[index].children;
    setText(term, t(`fact.${name}`));
    setText(value, text ?? t("fact.none"));
    value.title = at === null ? "" : instant(at);
  });
  box.dataset.breaker = breaker ?? "";
}

/** Show each part with its state in a word, and since when it is in trouble. The causes are for operators: they stand in /health. */
export function showParts({ health, unreachableSince, daemons }, now) {
  const checks = Object.entries(health?.checks ?? {});
  byId("parts").replaceChildren(
    ...(health?.details?.role === "serve" ? [h("li", { class: "part" }, icon("dash", 16), t("part.serves"))] : []),
    ...checks.map(([name, told]) => {
      const status = unreachableSince === null ? told : "unknown";
      const detail = health.details?.[name] ?? {};
      const at = detail.since ? t("part.since", since(Date.parse(detail.since), now)) : null;
      const state = known(`state.${status}`) ? t(`state.${status}`) : status;
      return h(
        "li",
        { class: "part", "data-state": status },
        icon(ICON_OF_STATE[status] ?? "dash", 16),
        h("span", { class: "part-name" }, known(`part.${name}`) ? t(`part.${name}`) : name),
        h("span", { class: "part-state" }, state),
        status !== "healthy" && status !== "unknown" && at && h("span", { class: "part-since" }, at),
      );
    }),
    ...daemons.map(({ place, role, jobs }) =>
      h(
        "li",
        { class: "part", "data-state": "unknown" },
        icon("dash", 16),
        h("span", { class: "part-name" }, place),
        h("span", { class: "part-state" }, role),
        jobs.length > 0 && h("span", { class: "part-since" }, jobs.map((job) => t(`job.${job}`)).join(", ")),
      ),
    ),
  );
}

/** Show how far the import of the history is. */
export function showHistory(health) {
  const { started, read, total, completed } = progressOf(health);
  const box = byId("history");
  if (health === null) return;
  box.hidden = health.details?.role === "serve"; // others import it
  const text = !started
    ? t("history.waiting")
    : completed
      ? t("history.done", count(read))
      : total === null
        ? t("history.unknown", count(read))
        : t("history.progress", count(read), count(total));
  // the gateway's total moves while it is read: a complete import is full, whatever the two numbers say
  const share = completed ? 1 : total ? Math.min(1, read / total) : 0;
  const bar = h("progress", { id: "history-bar", max: "1", value: String(share) }, text);
  box.replaceChildren(
    h("label", { for: "history-bar" }, t(completed ? "history.labelDone" : "history.label")),
    h("span", { class: "history-text" }, text),
    bar,
  );
}
