// The small picture of a signal: stop, entry range and targets on a line of prices, cheap to dear.

import { toUnits } from "./decimal.js";
import { svg } from "./dom.js";
import { price, shortPrice } from "./format.js";
import { t } from "./i18n.js";

/**
 * Return where everything stands between `left` and `right`, in pixels; null when fewer than two prices.
 *
 * Only the last step, from a share of the span to a pixel, leaves exact arithmetic.
 */
export function geometry(signal, left, right) {
  const { entryMin, entryMax, stop: stopNow } = signal.now;
  const low = entryMin ?? entryMax;
  const high = entryMax ?? entryMin;
  const texts = [stopNow, low, high, ...signal.ladder.map((target) => target.price)];
  const units = toUnits(texts);
  const known = units.filter((unit) => unit !== null);
  if (new Set(known).size < 2) return null;
  const least = known.reduce((a, b) => (b < a ? b : a));
  const most = known.reduce((a, b) => (b > a ? b : a));
  const place = (unit) =>
    unit === null
      ? null
      : left + (Number(((unit - least) * 100000n) / (most - least)) / 100000) * (right - left);
  const [stop, from, to, ...targets] = units.map(place);
  return {
    stop,
    entry: from === null ? null : [Math.min(from, to), Math.max(from, to)],
    middle: from === null ? null : (from + to) / 2,
    targets: signal.ladder.map((target, index) => ({ ...target, x: targets[index] })),
  };
}

/** Return the picture for a table row, or null. It is decoration there: the same figures stand beside it. */
export function priceLine(signal, { width, height }) {
  const places = geometry(signal, 9, width - 9);
  if (places === null) return null;
  const attributes = {
    viewBox: `0 0 ${width} ${height}`,
    class: `priceline ${signal.status}`,
    "aria-hidden": "true",
    preserveAspectRatio: "xMidYMid meet",
  };
  return svg("svg", attributes, marks(places, signal, width, height / 2));
}

/** Return the large picture, each price written under its mark, in as many rows as they need. */
export function priceLineLarge(signal, width) {
  const places = geometry(signal, 40, width - 40);
  if (places === null) return null;
  const labels = [];
  if (places.stop !== null)
    labels.push({ x: places.stop, name: t("stop"), text: shortPrice(signal.now.stop), role: "stop" });
  if (places.entry !== null) {
    const { entryMin, entryMax } = signal.now;
    const same = entryMin === entryMax || !entryMin || !entryMax;
    const text = same
      ? shortPrice(entryMin ?? entryMax)
      : `${shortPrice(entryMin)} – ${shortPrice(entryMax)}`;
    labels.push({ x: places.middle, name: t("entry"), text, role: "entry" });
  }
  for (const target of places.targets) {
    labels.push({ x: target.x, name: targetName(target), text: shortPrice(target.price), role: "target" });
  }
  const rows = arrange(labels, width);
  const height = 40 + rows * 34;
  return svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: `priceline large ${signal.status}`,
      role: "img",
      "aria-label": inWords(signal),
    },
    marks(places, signal, width, 20),
    labels.map((label) => [
      label.row > 0 && svg("path", { class: "pl-lead", d: `M${label.x} 32V${label.row * 34 + 38}` }),
      svg("text", { x: label.at, y: 48 + label.row * 34, class: `pl-name ${label.role}` }, label.name),
      svg("text", { x: label.at, y: 62 + label.row * 34, class: "pl-price" }, label.text),
    ]),
  );
}

/** Give each label the first row where it does not touch the one before; return the number of rows. */
export function arrange(labels, width) {
  const ends = [];
  labels.sort((a, b) => a.x - b.x);
  for (const label of labels) {
    const half = (Math.max(label.text.length, label.name.length) * 7.5) / 2 + 5;
    label.at = Math.min(Math.max(label.x, half), width - half);
    let row = ends.findIndex((end) => end <= label.at - half);
    if (row < 0) row = ends.length;
    ends[row] = label.at + half;
    label.row = row;
  }
  return Math.max(1, ends.length);
}

export const targetName = (target) => (target.final ? t("targetFinal") : t("targetN", target.number));

/** Return the picture's content as a sentence. */
export function inWords(signal) {
  const { entryMin, entryMax, stop } = signal.now;
  const entry = entryMin === entryMax ? price(entryMin) : t("range", price(entryMin), price(entryMax));
  const parts = [`${t("stop")} ${price(stop)}`, `${t("entry")} ${entry}`];
  return [...parts, ...signal.ladder.map((target) => `${targetName(target)} ${price(target.price)}`)].join(
    ", ",
  );
}

function marks(places, signal, width, y) {
  const { stop, entry, middle, targets } = places;
  const last = targets.at(-1);
  const zone = (kind, a, b) =>
    svg("rect", { class: `pl-${kind}`, x: Math.min(a, b), y: y - 3, width: Math.abs(b - a), height: 6 });
  return [
    svg("path", { class: "pl-axis", d: `M2 ${y}H${width - 2}` }),
    stop !== null && middle !== null && zone("risk", stop, middle),
    last && middle !== null && zone("reward", middle, last.x),
    entry !== null &&
      svg("rect", {
        class: "pl-entry",
        x: entry[0] - 1.5,
        y: y - 8,
        width: entry[1] - entry[0] + 3,
        height: 16,
        rx: 1.5,
      }),
    stop !== null && stopMark(stop, y, signal.status === "stopped"),
    targets.map((target) => targetMark(target, y)),
  ];
}

function stopMark(x, y, stopped) {
  // the cross tells it from a target without its colour
  const cross = svg("path", { class: "pl-stop", d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` });
  return stopped ? [svg("circle", { class: "pl-stopped", cx: x, cy: y, r: 8 }), cross] : cross;
}

function targetMark(target, y) {
  const r = target.final ? 6 : 4.5;
  return [
    svg("circle", { class: `pl-target${target.reached ? " reached" : ""}`, cx: target.x, cy: y, r }),
    target.reached && svg("path", { class: "pl-tick", d: `M${target.x - 2.2} ${y + 0.2}l1.7 1.8l2.8 -3.6` }),
  ];
}
