// The heads of the groups when the list is in the order of assets.

import { companyOf } from "./company_search.js";
import { h } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";

/** Return the signals' rows with a head before each asset; `rowsOf` gives the rows of one signal. There may be `more`. */
export function grouped(signals, columns, rowsOf, { more }) {
  const numbers = Map.groupBy(signals, ({ asset }) => asset);
  let last = null;
  return signals.flatMap((signal) => {
    const rows = rowsOf(signal);
    if (signal.asset === last) return rows;
    last = signal.asset;
    return [headOf(last, numbers.get(last).length, columns, more), ...rows];
  });
}

function headOf(asset, number, columns, more) {
  const words = [asset, companyOf(asset), t(more ? "count.more" : "count.all", number, count(number))].filter(Boolean).join(" · ");
  return h("tr", { role: "row", class: "group" }, h("th", { role: "cell", colspan: String(columns) }, words));
}
