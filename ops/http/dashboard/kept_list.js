// The list as it was last read, for a visit without the network. It is shown with its time, never as a new one.

import { holdsKey } from "./api.js";
import { keep, kept } from "./keeping.js";
import { matches, toSignal } from "./model.js";
import { orderOf } from "./order.js";

/** The first view and that of everything, each under a name of its own. */
const NAMES = { first: "list.valid", all: "list.all" };
const nameOf = ({ status, outcome }) => (outcome ? NAMES.first : status ? null : NAMES.all);
const MOST = 100;
const FILTERS = ["channel", "asset", "type", "side", "search", "from", "to"];

/** Keep the newest signals of a view without filters. What was read with a key is kept for this tab alone. */
export function keepList(filters, raw, at) {
  const name = nameOf(filters);
  if (!name || orderOf(filters) !== "desc" || FILTERS.some((filter) => filters[filter])) return;
  const value = { at, data: raw.slice(0, MOST) };
  if (holdsKey()) forgetList();
  keep(name, value, holdsKey() ? "sessionStorage" : "localStorage");
}

/** Return { rows, at } of what was kept and fits the filters, or null. */
export function keptList(filters) {
  // the view of everything has what any status asks for
  const names = [nameOf(filters), NAMES.all].filter(Boolean);
  const value = names.map((name) => kept(name, "sessionStorage") ?? kept(name)).find(Boolean);
  if (!value) return null;
  return { at: value.at, rows: value.data.map(toSignal).filter((signal) => matches(signal, filters)) };
}

/** Reading needs a key now: what was kept without one is dropped. */
export const forgetList = () => Object.values(NAMES).forEach((name) => keep(name, null));
