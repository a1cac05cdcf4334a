// The list as it was last read, for a visit without the network. It is shown with its time, never as a new one.

import { holdsKey } from "./api.js";
import { keep, kept } from "./keeping.js";
import { matches, toSignal } from "./model.js";
import { orderOf } from "./order.js";

const NAME = "list";
const MOST = 100;
const FILTERS = ["channel", "asset", "type", "side", "search", "from", "to", "status"];

/** Keep the newest signals of a list without filters. What was read with a key is kept for this tab alone. */
export function keepList(filters, raw, at) {
  if (orderOf(filters) !== "desc" || FILTERS.some((name) => filters[name])) return;
  const value = { at, data: raw.slice(0, MOST) };
  if (holdsKey()) forgetList();
  keep(NAME, value, holdsKey() ? "sessionStorage" : "localStorage");
}

/** Return { rows, at } of what was kept and fits the filters, or null. */
export function keptList(filters) {
  const value = kept(NAME, "sessionStorage") ?? kept(NAME);
  if (!value) return null;
  return { at: value.at, rows: value.data.map(toSignal).filter((signal) => matches(signal, filters)) };
}

/** Reading needs a key now: what was kept without one is dropped. */
export const forgetList = () => keep(NAME, null);
