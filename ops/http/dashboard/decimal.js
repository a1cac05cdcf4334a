// Exact arithmetic on prices written as decimal strings: whole numbers of the smallest unit, never floats.

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Return [units, places], such that the price is units / 10^places; null for what is no plain decimal. */
export function parseDecimal(text) {
  const match = text === null || text === undefined ? null : PLAIN.exec(text);
  if (!match) return null;
  const [, sign, whole, fraction = ""] = match;
  const units = BigInt(whole + fraction);
  return [sign ? -units : units, fraction.length];
}

/** Return the prices as whole numbers of one common unit; null stays null. */
export function toUnits(texts) {
  const parsed = texts.map(parseDecimal);
  const places = Math.max(0, ...parsed.filter(Boolean).map(([, p]) => p));
  return parsed.map((price) => price && price[0] * 10n ** BigInt(places - price[1]));
}

/** Return numerator / denominator (> 0) as a decimal string of so many places, rounded half up. */
export function ratio(numerator, denominator, places) {
  const negative = numerator < 0n;
  const scaled = (negative ? -numerator : numerator) * 10n ** BigInt(places);
  const digits = ((scaled * 2n + denominator) / (denominator * 2n)).toString().padStart(places + 1, "0");
  const text = places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
  return negative && /[1-9]/.test(text) ? `-${text}` : text;
}

/** Of a signal with one of these warnings at least one price may be another one than was read. */
const DOUBTFUL = new Set([
  "ambiguous_number",
  "duplicate_field",
  "far_price",
  "incomplete_table",
  "odd_characters",
  "option_unnamed",
  "range_wide",
  "relative_price",
  "stop_side",
  "target_order",
  "target_side",
]);

/**
 * Return reward over risk to the first and to the final target, as decimal strings of two places.
 *
 * Entry is the middle of its range. Null where a price is missing, doubtful or on the wrong side: a
 * figure made from it would look sound and mean nothing.
 */
export function riskReward(signal) {
  const [low, high, stop, first, final] = toUnits([
    signal.entryMin ?? signal.entryMax,
    signal.entryMax ?? signal.entryMin,
    signal.stop,
    signal.targets[0] ?? null,
    signal.final,
  ]);
  const none = { first: null, final: null };
  if (low === null || stop === null || signal.warnings.some((name) => DOUBTFUL.has(name))) return none;
  const way = signal.side === "sell" ? -1n : 1n;
  // twice everything, so that the middle needs no half
  const middle = low + high;
  const risk = (middle - 2n * stop) * way;
  if (risk <= 0n) return none;
  const to = (target) => {
    if (target === null) return null;
    const reward = (2n * target - middle) * way;
    return reward > 0n ? ratio(reward, risk, 2) : null;
  };
  return { first: to(first), final: to(final) };
}
