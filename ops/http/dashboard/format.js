// How figures and instants are written: prices in pt-BR form in every language, dates in the reader's zone.

import { locale, t } from "./i18n.js";

/** Return "1.234,50" for "1234.50": digit by digit, so that 0.2550 stays 0,2550. A missing price is a dash. */
export function price(text) {
  if (text === null || text === undefined) return "–";
  const [whole, fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ".");
  return fraction === undefined ? grouped : `${grouped},${fraction}`;
}

/** A price of more characters is cut where it is shown among others; its whole stands in the opened row. */
const LONGEST_PRICE = 10;
export const isLong = (text) => price(text).length > LONGEST_PRICE;

/** Return a price as it is, or the beginning of a long one: for pictures, which cannot wrap. */
export const shortPrice = (text) =>
  isLong(text) ? `${price(text).slice(0, LONGEST_PRICE - 2)}…` : price(text);

/** Return a percentage of a message: "+21,40 %". */
export function percent(text) {
  return `${text.startsWith("-") ? "−" : "+"}${price(text.replace(/^[-+]/, ""))} %`;
}

/** Return "50 %" for the part "0.5" of a position. */
export const share = (text) =>
  `${new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(Number(text) * 100)} %`;

/** Return a whole number in the reader's language. */
export const count = (number) => new Intl.NumberFormat(locale()).format(number);

/** The reader's zone, by name. */
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";

const date = (options) => new Intl.DateTimeFormat(locale(), options);

/** Return "14:38". */
export const clock = (ms) => date({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);

/** Return "hoje", "ontem" or "22 nov". */
export function day(ms, now = Date.now()) {
  const days = Math.round((midnight(now) - midnight(ms)) / 86_400_000);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  const options = { day: "2-digit", month: "short", ...(sameYear ? {} : { year: "2-digit" }) };
  return short(options, ms);
}

const short = (options, at) => date(options).format(at).replace(" de ", " ").replace(".", "");

/** Return the day of the week and the date of "2026-11-23", short. */
export function dayOfDate(text) {
  return date({ weekday: "short", day: "2-digit", month: "2-digit" }).format(new Date(`${text}T12:00:00`));
}

/** Return "23 nov" of "2026-11-23". */
export const dateOf = (text) => short({ day: "2-digit", month: "short" }, new Date(`${text}T12:00:00`));

/** Return date and time in full, with seconds. */
export const instant = (ms) => date({ dateStyle: "medium", timeStyle: "medium" }).format(ms);

/** Return the time alone when it is of today, else with its day: for "since ...". */
export function since(ms, now = Date.now()) {
  return midnight(ms) === midnight(now) ? clock(ms) : `${day(ms, now)} ${clock(ms)}`;
}

/** Return "há 3 s", in the largest unit that fits. */
export function ago(ms, now = Date.now()) {
  return t("ago", span(Math.round((now - ms) / 1000)));
}

/** Return a duration of seconds as "0,8 s", "12 s", "4 min", "3 h" or "2 d". */
export function span(seconds) {
  const s = Math.max(0, seconds);
  if (s < 10 && s % 1 !== 0 && s >= 0.05)
    return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(s)} s`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129_600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} d`;
}

/** Return the midnight that begins the day, in the reader's zone. */
export function midnight(ms) {
  const start = new Date(ms);
  start.setHours(0, 0, 0, 0);
  return start.getTime();
}
