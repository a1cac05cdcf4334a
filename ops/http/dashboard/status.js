// A signal's status in words: what it is, since when, and why.

import { h, icon } from "./dom.js";
import { day, since } from "./format.js";
import { known, t } from "./i18n.js";

function statusName(status) {
  const match = /^target_(\d+)$/.exec(status);
  return match ? t("status.target", match[1]) : t(`status.${status}`);
}

/** Whether a signal that has reached a numbered target counts no more; the other ends are in the status itself. */
const isOver = (status, valid) => /^target_\d+$/.test(status) && !valid;

/** Return since when and why a signal has its status, and whether it is over; null if nobody has told. */
export function statusWhy({ status, statusSince, statusReason, valid }, now = Date.now()) {
  const why = `why.${statusReason}`;
  if (statusSince === null || !known(why)) return null;
  const told = t("status.why", statusName(status), since(statusSince, now), t(why));
  return isOver(status, valid) ? t("status.over", told) : told;
}

/** Return the mark of a row: the status, and since when it holds. */
export function statusTag(signal, now) {
  const { status, statusSince, statusReason } = signal;
  const over = isOver(status, signal.valid);
  const kind = status.startsWith("target") ? "target" : status;
  const icons = { target: "ok", stopped: "bad", cancelled: "dash", open: "open", waiting: "open" };
  return [
    h(
      "span",
      { class: `status ${kind}${over ? " over" : ""}`, title: statusWhy(signal, now) },
      icon(icons[kind] ?? "dash", 13),
      statusName(status),
      over && t("status.overTag"),
    ),
    // a signal that waits does so since it was posted, which the row says
    statusSince !== null &&
      statusReason !== "posted" &&
      h("span", { class: "status-since" }, t("status.since", day(statusSince, now))),
  ];
}
