// Signals that the list has shown and that have ended since. In the view of what still counts they stay where they were,
// with their new status, until the reader asks for another view: a stop that was hit must not go without a word.

import { ask } from "./api.js";
import { stands, toSignal } from "./model.js";

/** As many changes as one question is answered with. */
const MOST = 1000;

/** Return by their ids those of the shown `rows` that `signals`, a newer answer, lacks because they have ended. */
export async function endedSince(rows, signals, filters) {
  const held = new Set(signals.map(({ id }) => id));
  const lost = rows.filter(({ id }) => !held.has(id));
  const ended = new Map(lost.filter((signal) => !stands(signal, filters)).map((signal) => [signal.id, signal]));
  if (lost.length === ended.size) return ended;
  const told = new Date(Math.max(...rows.map(({ updatedAt }) => Date.parse(updatedAt)))).toISOString();
  const asked = new URLSearchParams({ sort: "updated_at", updated_since: told, limit: MOST });
  const { body } = await ask(`/api/v1/signals?${asked}`, { exact: true });
  const wanted = new Set(lost.map(({ id }) => id));
  for (const signal of body.data.map(toSignal))
    if (wanted.has(signal.id) && !stands(signal, filters)) ended.set(signal.id, signal);
  return ended;
}

/** Return `signals` with those that have ended, each behind the row that it stood behind. */
export function withEnded(rows, signals, ended) {
  if (ended.size === 0) return signals;
  const shown = new Set(rows.map(({ id }) => id));
  const all = [...signals];
  // what is new stands before everything that was shown
  let place = Math.max(0, all.findIndex(({ id }) => shown.has(id)));
  for (const { id } of rows) {
    const at = all.findIndex((signal) => signal.id === id);
    if (at >= 0) place = at + 1;
    else if (ended.has(id)) all.splice(place++, 0, ended.get(id));
  }
  return all;
}
