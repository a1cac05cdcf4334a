// The present filter's signals as a CSV file: read page by page, written here, with the digits of the API.

import { ask } from "./api.js";
import { addressOf } from "./list.js";
import { hasStatus, toSignal } from "./model.js";
import { csvOf } from "./sheet.js";

const PAGE = 1000;
/** More than a sheet is good for, and a limit to what one press of a button asks of the service. */
export const MOST_SIGNALS = 20_000;

const COLUMNS = [
  ["id", (s) => s.id],
  ["ts", (s) => new Date(s.ts).toISOString()],
  ["channel", (s) => s.channel],
  ["signal_type", (s) => s.type],
  ["side", (s) => s.side],
  ["asset", (s) => s.asset],
  ["buy_min", (s) => s.entryMin],
  ["buy_max", (s) => s.entryMax],
  ["targets", (s) => s.targets.join(" ")],
  ["target_final", (s) => s.final],
  ["stop", (s) => s.stop],
  ["valid_until", (s) => s.validUntil],
  ["status", (s) => s.status],
  ["reward_risk_first", (s) => s.riskReward.first],
  ["reward_risk_final", (s) => s.riskReward.final],
  ["warnings", (s) => s.warnings.join(" ")],
  ["raw_message", (s) => s.text],
  // the last one: who reads by position finds the others where they were
  ["channel_label", (s) => s.channelLabel],
];

/** Read all signals of a question. Returns { signals, cut, stale }; `onProgress` gets the number so far. */
export async function gather(filters, onProgress) {
  const signals = new Map();
  let cursor = null;
  let stale = false;
  do {
    const { body } = await ask(addressOf(filters, { limit: PAGE, cursor }), { exact: true });
    for (const raw of body.data) {
      const signal = toSignal(raw);
      if (hasStatus(signal, filters.status)) signals.set(signal.id, signal);
    }
    stale ||= body.stale === true;
    cursor = body.nextCursor;
    onProgress(signals.size);
  } while (cursor && signals.size < MOST_SIGNALS);
  return { signals: [...signals.values()].slice(0, MOST_SIGNALS), cut: cursor !== null, stale };
}

/** Return the file's text (RFC 4180). */
export function toCsv(signals) {
  const lines = [
    COLUMNS.map(([name]) => name),
    ...signals.map((signal) => COLUMNS.map(([, value]) => value(signal))),
  ];
  return csvOf(lines);
}
