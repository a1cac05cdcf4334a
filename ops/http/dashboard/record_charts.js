// A chart of the page of track records, and its figures in words.

import { h, svg } from "./dom.js";
import { locale, t } from "./i18n.js";

export const WIDTH = 320;

/** Return a share in percent, with so many places. */
export const percent = (value, places = 0) =>
  value === null ? "–" : new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: places }).format(value);

/** Return a number with two places at most. */
export const plain = (value) =>
  value === null ? "–" : new Intl.NumberFormat(locale(), { maximumFractionDigits: 2 }).format(value);

/** Return a chart of the drawn parts, with its name above and what it tells below. */
export function chart(name, height, parts, told) {
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `${t(name)}: ${told}` }, ...parts);
  return h("figure", {}, h("h2", {}, t(name)), picture, h("figcaption", {}, told));
}
