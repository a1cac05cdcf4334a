// How much of an asset a given risk allows, and what is lost or won with it. Exact: whole numbers, never floats.

import { ratio, toUnits } from "./decimal.js";

// What B3 trades: shares by 100, or one by one in the fractional market (code and F); options by 100; mini contracts one by one.
// A point of WIN is worth 0.20 reais, one of WDO 10. Codes that end with 11 or 31 to 39 are units, funds or BDRs, whose lots
// differ: they are counted one by one.
const KINDS = [
  { kind: "future", shape: /^WIN([FGHJKMNQUVXZ]\d{2}|FUT)$/, lot: 1n, point: "0.20" },
  { kind: "future", shape: /^WDO([FGHJKMNQUVXZ]\d{2}|FUT)$/, lot: 1n, point: "10" },
  { kind: "fractional", shape: /^[A-Z][A-Z0-9]{3}(3|4|5|6|7|8|11)F$/, lot: 1n, point: "1" },
  { kind: "share", shape: /^[A-Z][A-Z0-9]{3}[3-8]$/, lot: 100n, point: "1" },
  { kind: "unit", shape: /^[A-Z][A-Z0-9]{3}(11|3[1-9])$/, lot: 1n, point: "1" },
  { kind: "option", shape: /^[A-Z][A-Z0-9]{3}[A-X]\d{1,4}(W[1-5])?E?$/, lot: 100n, point: "1" },
];
/** With these warnings a price may be another one than it seems. */
const DOUBTFUL = [
  "ambiguous_number",
  "duplicate_field",
  "far_price",
  "multiple_signals",
  "range_wide",
  "several_tickers",
  "stop_side",
  "target_side",
  "target_order",
];

/** Return { kind, lot, point } of an asset, or null for one whose lot is not known. */
export const kindOf = (asset) => KINDS.find(({ shape }) => shape.test(asset)) ?? null;

/**
 * Return an amount that a person wrote as a decimal string: "10.000,50", "10000,5" and "10000.50"; null for anything else.
 * A dot before three digits divides thousands, as prices on this page are written.
 */
export function readAmount(text) {
  const plain = text.trim().replace(/^R\$\s*/, "");
  if (/^[1-9]\d{0,2}(\.\d{3})+(,\d{1,8})?$/.test(plain)) return plain.replaceAll(".", "").replace(",", ".");
  return /^\d{1,15}([.,]\d{1,8})?$/.test(plain) ? plain.replace(",", ".") : null;
}

/**
 * Return what `percent` of `capital` allows, or { problem }: input, doubtful, prices, stop, kind or small.
 *
 * Entry is the worse end of its range and stop the one that holds now, so that the risk is not made smaller than it is.
 * `allowed`, `atRisk`, `cost` and each target's `money` have two places. The risk is rounded up, a reward down.
 */
export function sizeOf(signal, capital, percent) {
  const { entryMin, entryMax, stop } = signal.now;
  const sell = signal.side === "sell";
  const entry = sell ? (entryMin ?? entryMax) : (entryMax ?? entryMin);
  if (capital === null || percent === null) return { problem: "input" };
  if (signal.warnings.some((warning) => DOUBTFUL.includes(warning))) return { problem: "doubtful" };
  if (entry === null || stop === null) return { problem: "prices" };
  const kind = kindOf(signal.asset);
  if (kind === null) return { problem: "kind" };

  const { money, scale } = unitsOf([entry, stop, ...signal.ladder.map(({ price }) => price)], kind.point);
  const way = sell ? -1n : 1n;
  const risk = (money[0] - money[1]) * way;
  if (risk <= 0n) return { problem: "stop" };

  const [capitalUnits, percentUnits] = [scaled(capital), scaled(percent)];
  if (capitalUnits <= 0n || percentUnits <= 0n || percentUnits > 100n * PLACES) return { problem: "input" };
  // both sides times the same: capital * percent / 100 against risk / scale
  const most = (capitalUnits * percentUnits * scale) / (risk * 100n * PLACES * PLACES);
  const quantity = kind.kind === "share" ? most : (most / kind.lot) * kind.lot;
  const cents = (units, up) => ratio((units * 100n + (up ? scale - 1n : 0n)) / scale, 100n, 2);
  const allowed = ratio((capitalUnits * percentUnits) / (PLACES * PLACES), 100n, 2);
  if (quantity === 0n) {
    const least = kind.kind === "share" ? 1n : kind.lot;
    return { problem: "small", allowed, one: cents(risk * least, true) };
  }
  const cost = kind.kind === "future" ? null : money[0] * quantity;
  return {
    kind: kind.kind,
    quantity: String(quantity),
    whole: String((quantity / kind.lot) * kind.lot),
    odd: String(quantity % kind.lot),
    allowed,
    atRisk: cents(risk * quantity, true),
    cost: cost === null ? null : cents(cost, true),
    tooDear: cost !== null && cost * PLACES > capitalUnits * scale,
    targets: signal.ladder.map((target, index) => {
      const reward = (money[index + 2] - money[0]) * way * quantity;
      return { ...target, money: reward > 0n ? cents(reward, false) : null };
    }),
  };
}

/** Amounts a person writes have at most eight places. */
const PLACES = 10n ** 8n;
const scaled = (text) => toUnits([text, "0.00000000"])[0];

/** Return prices times the value of a point as whole numbers, and how many of them make one real. */
function unitsOf(prices, point) {
  const [one, value, ...units] = toUnits(["1", point, ...prices]);
  return { money: units.map((unit) => unit * value), scale: one * one };
}
