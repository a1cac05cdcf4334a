// Can what the page shows be trusted right now? A pure judgement of what is known, in plain words.

import { since, span } from "./format.js";
import { known, t } from "./i18n.js";

const LEVELS = ["ok", "notice", "caution", "bad"];
/** Trouble with these takes nothing from the signals that arrive and are shown. */
const HARMLESS = ["singleDaemon", "historicalSync", "retention", "events", "alerts", "quotes", "enrichment"];
/** A gateway whose Telegram session died answers "no messages" for ever: after a weekend's length we say so. */
const QUIET_S = 3 * 86_400;

/**
 * Return { level, reasons }: level is wait, ok, notice, caution or bad, reasons are sentences, the worst first.
 * `headline` is there when it is not the level's own.
 *
 * `health` is the body of /health or null; `unreachableSince` milliseconds or null; `list` is
 * { failed, staleAt }; `live` is starting, live or polling.
 */
export function judge({ health, unreachableSince, keyWanted, list, live, now }) {
  if (keyWanted) return { level: "wait", headline: "key", reasons: [t("reason.key")] };
  if (unreachableSince !== null) {
    return { level: "bad", reasons: [t("reason.unreachable", since(unreachableSince, now))] };
  }
  if (health === null) return { level: "wait", reasons: [] };
  const found = [...ofChecks(health, now), ...ofProgress(health)];
  if (list.staleAt !== null) found.push(["bad", t("reason.stale", since(list.staleAt, now))]);
  else if (list.failed) found.push(["bad", t("reason.lost")]);
  if (live === "polling") found.push(["notice", t("reason.polling")]);
  found.sort((a, b) => LEVELS.indexOf(b[0]) - LEVELS.indexOf(a[0]));
  if (found.length === 0) return { level: "ok", reasons: [t("reason.ok")] };
  return { level: found[0][0], reasons: found.map(([, text]) => text) };
}

function* ofChecks({ checks, details }, now) {
  for (const [name, status] of Object.entries(checks)) {
    if (status === "healthy" || follows(name, checks)) continue;
    const detail = details?.[name] ?? {};
    const at = detail.since ? since(Date.parse(detail.since), now) : "?";
    yield [levelOf(name, status), sentence(name, detail, at, details)];
  }
}

/** Polling stands still when the gateway or the database fails, and no list is read without it: one trouble, one sentence. */
function follows(name, checks) {
  if (name === "reads") return checks.timescaledb === "unhealthy";
  return name === "pollingWorker" && (checks.gatewayApi !== "healthy" || checks.timescaledb !== "healthy");
}

function levelOf(name, status) {
  if (name.startsWith("redis") || HARMLESS.includes(name)) return "notice";
  return status === "unhealthy" ? "bad" : "caution";
}

function sentence(name, detail, at, details) {
  if (name.startsWith("redis")) return t("reason.redis", at);
  if (name === "gatewayApi") {
    const channels = detail.channels ?? [];
    const polls = (details?.pollingWorker?.channels ?? []).map((channel) => channel.lastPoll);
    if (polls.length > 0 && polls.every((poll) => poll === "starting")) return t("reason.starting");
    if ((detail.error ?? "").includes("key refused")) return t("reason.keyRefused", at);
    if (channels.some((channel) => channel.breaker.state !== "closed")) return t("reason.breaker", at);
  }
  const key = `reason.${name}`;
  return known(key) ? t(key, at) : t("reason.other", known(`part.${name}`) ? t(`part.${name}`) : name, at);
}

function* ofProgress({ details = {} }) {
  const history = details.historicalSync;
  if (history && history.completed === false && !history.error) yield ["notice", t("reason.importing")];
  const letters = details.deadLetters?.waiting ?? 0;
  if (letters > 0) yield ["notice", t("reason.letters", letters)];
  const ages = (details.pollingWorker?.channels ?? []).map((channel) => channel.newestMessageAgeSeconds);
  const known = ages.filter((age) => age !== null && age !== undefined);
  if (known.length && Math.min(...known) > QUIET_S)
    yield ["notice", t("reason.quiet", span(Math.min(...known)))];
}

/** Return the figures of the header: instants in milliseconds, seconds, words; null where nothing is known. */
export function factsOf(health, summary = null) {
  const details = health?.details ?? {};
  const pollers = details.pollingWorker?.channels ?? [];
  const polls = pollers.map((channel) => Date.parse(channel.lastSuccessfulPollAt ?? ""));
  // a poller knows what came since it started, the counts know what is stored
  const newest = [summary?.newestMessageAt, ...pollers.map((channel) => channel.newestMessageAt)]
    .map((at) => Date.parse(at ?? ""))
    .filter((at) => !Number.isNaN(at));
  const breakers = (details.gatewayApi?.channels ?? []).map((channel) => channel.breaker.state);
  return {
    // of several channels the one that was read longest ago
    poll: polls.length && !polls.some(Number.isNaN) ? Math.min(...polls) : null,
    newest: newest.length ? Math.max(...newest) : null,
    breaker: linkOf(breakers, health?.checks?.gatewayApi),
    lagSeconds: details.timescaledb?.lastLagSeconds ?? null,
  };
}

/** Return the worst state of all breakers; one that is still closed is "failing" while the gateway is in trouble. */
function linkOf(breakers, gateway) {
  const worst = ["open", "half-open", "closed"].find((state) => breakers.includes(state)) ?? null;
  return worst === "closed" && gateway !== "healthy" ? "failing" : worst;
}

/** Return how far the history import is: { read, total, completed, started }, over all channels. */
export function progressOf(health) {
  const history = health?.details?.historicalSync;
  const channels = history?.channels ?? [];
  const sum = (name) => channels.reduce((all, channel) => all + (channel[name] ?? 0), 0);
  const totals = channels.length > 0 && channels.every((channel) => channel.gatewayTotal !== null);
  return {
    started: channels.length > 0,
    read: sum("rowsRead"),
    total: totals ? sum("gatewayTotal") : null,
    completed: history?.completed === true,
  };
}
