// What the reader did with signals: took or left each, a note, the own result. It is kept in this browser alone.

import { parseDecimal, ratio, toUnits } from "./decimal.js";
import { keep, kept } from "./keeping.js";
import { readAmount } from "./risk.js";

const NAME = "journal";
const COLUMNS = ["id", "ts", "channel", "asset", "side", "status", "choice", "result", "note"];

// by message and not by id: a signal that is read again has another id
const keyOf = ({ channel, messageId, position, id }) =>
  messageId === null ? id : `${channel}/${messageId}/${position}`;

/** Return what a reader wrote as an own result in reais, as a decimal string with a sign if it is a loss, or null. */
export function readResult(text) {
  const [, sign, amount] = /^\s*([-−+]?)\s*(.*)$/s.exec(text);
  const read = readAmount(amount);
  return read === null ? null : sign === "-" || sign === "−" ? `-${read}` : read;
}

/** Return what was noted of a signal. */
export const noted = (signal) => entries()[keyOf(signal)] ?? { choice: "", note: "", result: "" };

/** Keep the reader's words on a signal; empty ones are removed. Returns whether they were kept. */
export function note(signal, { choice, note: words, result }) {
  const all = entries();
  const { id, ts, channel, asset, side, status } = signal;
  if (choice || words || result) {
    all[keyOf(signal)] = { id, ts, channel, asset, side, status, choice, result, note: words };
  } else {
    delete all[keyOf(signal)];
  }
  return keep(NAME, all);
}

/** Keep the newest status of noted signals, so that the record holds what the channel said last. */
export function refresh(signals) {
  const all = entries();
  let changed = false;
  for (const signal of signals) {
    const entry = all[keyOf(signal)];
    if (!entry || (entry.status === signal.status && entry.id === signal.id)) continue;
    Object.assign(entry, { status: signal.status, id: signal.id });
    changed = true;
  }
  return changed && keep(NAME, all);
}

/** As many assets as the service takes in one question. */
const MOST_ASSETS = 50;

/** Return the question for the noted signals of which the channel may still say something, or null if there are none. */
export function questionOfNoted() {
  const waiting = Object.values(entries())
    .filter(({ status }) => !["target_final", "stopped", "cancelled"].includes(status))
    .sort((a, b) => b.ts - a.ts);
  if (waiting.length === 0) return null;
  const assets = [...new Set(waiting.map(({ asset }) => asset))].slice(0, MOST_ASSETS);
  return new URLSearchParams({ asset: assets.join(","), from: waiting.at(-1).ts, limit: 1000 });
}

/**
 * Return the own record beside the channel's, for the signals taken and for those left:
 * { signals, target, stopped, other, won, lost, total }. `total` has two places, and is null without any result.
 */
export function record() {
  const of = (choice) => {
    const chosen = Object.values(entries()).filter((entry) => entry.choice === choice);
    const count = (test) => chosen.filter(test).length;
    const target = count(({ status }) => status.startsWith("target"));
    const stopped = count(({ status }) => status === "stopped");
    const results = chosen.map(({ result }) => readResult(result)).filter((result) => result !== null);
    const signs = results.map((result) => parseDecimal(result)[0]);
    return {
      signals: chosen.length,
      target,
      stopped,
      other: chosen.length - target - stopped,
      won: signs.filter((units) => units > 0n).length,
      lost: signs.filter((units) => units < 0n).length,
      total: results.length === 0 ? null : sum(results),
    };
  };
  return { took: of("took"), left: of("left") };
}

/** Return the journal as lines of a spreadsheet. */
export function journalLines() {
  const cell = (entry, name) => {
    if (name === "ts") return new Date(entry.ts).toISOString();
    return name === "result" ? (readResult(entry.result) ?? entry.result) : entry[name];
  };
  const inOrder = Object.values(entries()).sort((a, b) => a.ts - b.ts);
  return [COLUMNS, ...inOrder.map((entry) => COLUMNS.map((name) => cell(entry, name)))];
}

const entries = () => kept(NAME) ?? {};

function sum(texts) {
  const [one, ...units] = toUnits(["1", ...texts]);
  return ratio(
    units.reduce((total, unit) => total + unit, 0n),
    one,
    2,
  );
}
