// A signal as the page uses it, made from the API's object with exact digits (exact.js).

import { riskReward } from "./decimal.js";

const integer = (text) => (text === null || text === undefined ? null : Number(text));

/**
 * Return a signal: prices are strings of digits or null, instants are milliseconds. Its own fields are as posted;
 * `now` holds what the channel has said since then of stop, entry, targets and the part still held.
 */
export function toSignal(raw) {
  const targets = raw.targets ?? [];
  const signal = {
    id: String(raw.id),
    ts: integer(raw.ts),
    channel: raw.channel ?? "",
    channelLabel: raw.channel_label ?? raw.channelLabel ?? null,
    type: raw.signal_type ?? "",
    side: raw.side,
    asset: raw.asset ?? "",
    entryMin: raw.buy_min ?? null,
    entryMax: raw.buy_max ?? null,
    targets,
    final: raw.target_final ?? null,
    stop: raw.stop ?? null,
    validUntil: raw.valid_until ?? null,
    warnings: raw.warnings ?? [],
    text: raw.raw_message ?? "",
    source: raw.source ?? "",
    messageId: raw.message_id ?? null,
    position: integer(raw.position) ?? 0,
    status: raw.status ?? "waiting",
    statusSince: raw.status_since ? Date.parse(raw.status_since) : null,
    statusReason: raw.status_reason ?? null,
    /** Whether it still counts. */
    valid: raw.valid === true,
    createdAt: raw.created_at ?? null,
    updatedAt: raw.updated_at ?? null,
    /** What the market's prices say, as the API has it. */
    outcome: raw.outcome ?? null,
    market: raw.market ?? null,
    score: raw.score ?? null,
    events: (raw.events ?? []).map((event) => ({
      kind: event.kind,
      ts: integer(event.ts),
      text: event.text ?? "",
      target: integer(event.target),
      stopHit: event.stop_hit === true,
      newStop: event.new_stop ?? null,
      newTargets: event.new_targets ?? [],
      newEntry: event.new_entry ?? null,
      breakeven: event.breakeven === true,
      fraction: event.fraction ?? null,
      price: event.price ?? null,
      percent: event.percent ?? null,
      messageId: event.message_id ?? null,
    })),
  };
  signal.now = nowOf(signal, raw.current);
  signal.ladder = ladderOf(signal);
  signal.riskReward = riskReward(signal);
  return signal;
}

/** Return what holds now; a signal of which nothing was said since holds as it was posted. */
function nowOf(signal, current) {
  const { stop, targets, final, entryMin, entryMax } = signal;
  if (!current) return { stop, targets, final, entryMin, entryMax, fraction: "1", breakeven: false };
  return {
    stop: current.stop ?? null,
    targets: current.targets ?? [],
    final: current.target_final ?? null,
    entryMin: current.buy_min ?? null,
    entryMax: current.buy_max ?? null,
    fraction: current.fraction ?? "1",
    breakeven: current.breakeven === true,
  };
}

/** Return the targets of now in order with whether each was reached; a final target of its own stands last. */
function ladderOf(signal) {
  const { targets, final } = signal.now;
  const prices = [...targets];
  if (final !== null && prices.at(-1) !== final) prices.push(final);
  const reached = reachedOf(signal.status, prices.length);
  return prices.map((price, index) => ({
    price,
    number: index + 1,
    final: price === final && index === prices.length - 1,
    reached: index < reached || hitBeforeTheEnd(signal, index + 1, prices.length),
  }));
}

function reachedOf(status, count) {
  if (status === "target_final") return count;
  const match = /^target_(\d+)$/.exec(status);
  return match ? Math.min(Number(match[1]), count) : 0;
}

/** A stopped or cancelled signal may have reached targets before: its events tell. */
function hitBeforeTheEnd(signal, number, count) {
  for (const event of signal.events) {
    if (event.kind === "cancel" || event.kind === "deleted" || (event.kind === "result" && event.stopHit)) return false;
    if (event.kind !== "result" || event.target === null) continue;
    if (event.target === 0 || Math.min(event.target, count) >= number) return true;
  }
  return false;
}

/** Whether a signal belongs to what the filters ask for; what the server does, for news of the stream. */
export function matches(signal, filters) {
  const needle = (filters.search ?? "").toLowerCase();
  return (
    (!filters.channel || signal.channel === filters.channel) &&
    (!filters.asset || signal.asset === filters.asset.toUpperCase()) &&
    (!filters.type || signal.type.toLowerCase() === filters.type.toLowerCase()) &&
    (!filters.side || signal.side === filters.side) &&
    (!needle || signal.asset.toLowerCase().includes(needle) || signal.text.toLowerCase().includes(needle)) &&
    (!filters.from || signal.ts >= filters.from) &&
    (!filters.to || signal.ts <= filters.to) &&
    stands(signal, filters)
  );
}

/** The outcomes of signals that prices have ended. */
const ENDED = ["target", "stopped", "closed", "cancelled", "expired"];

/** Whether the filters ask for what a signal is now, by its channel and by prices. */
export function stands(signal, { status, outcome }) {
  return hasStatus(signal, status) && !(outcome === "not_ended" && ENDED.includes(signal.outcome?.state));
}

/** As the API filters it. */
function hasStatus(signal, status) {
  if (!status) return true;
  if (status === "valid") return signal.valid;
  return status === "target" ? signal.status.startsWith("target_") : signal.status === status;
}
