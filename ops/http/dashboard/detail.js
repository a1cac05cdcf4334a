// What stands under an opened row: the large picture, what the channel said later, warnings, the raw message.

import { ask } from "./api.js";
import { companyOf } from "./company_search.js";
import { h, icon } from "./dom.js";
import { instant, isLong, percent, price, share } from "./format.js";
import { known, t } from "./i18n.js";
import { journalForm } from "./journal_panel.js";
import { marketPanel } from "./market_panel.js";
import { countOdd, visibleText } from "./odd.js";
import { priceLineLarge, targetName } from "./priceline.js";
import { riskPanel } from "./risk_panel.js";
import { shareButtons } from "./sharing.js";
import { statusWhy } from "./status.js";

/** Return the row; where each value was read is asked for and marked when the answer comes. */
export function detailRow(signal, { columns, channel }) {
  const label = t("detail.message");
  const raw = h("pre", { class: "raw", tabindex: "0", "aria-label": label }, visibleText(signal.text));
  const odd = countOdd(signal.text);
  const note = h("p", { class: "raw-note", hidden: true }, t("detail.marked"));
  markProvenance(signal, raw, note);
  // the picture is drawn for the room there is; a phone has less than the table's usual
  const width = Math.min(640, Math.max(280, document.documentElement.clientWidth - 72));
  const { first, final } = signal.riskReward;
  return h(
    "tr",
    { role: "row", class: "detail", "data-of": signal.id },
    h(
      "td",
      { role: "cell", colspan: String(columns) },
      h(
        "div",
        { class: "detail-grid" },
        h(
          "div",
          { class: "detail-main" },
          priceLineLarge(signal, width),
          h(
            "dl",
            { class: "meta" },
            meta("column.status", statusWhy(signal)),
            meta(
              "detail.rr",
              (final ?? first) && t("detail.rrText", price(final ?? first), first && price(first)),
            ),
            meta("detail.now", nowLine(signal)),
            longPrices(signal),
            meta("detail.sent", instant(signal.ts)),
            meta("detail.stored", signal.createdAt && instant(Date.parse(signal.createdAt))),
            meta("detail.valid", signal.validUntil),
            meta("detail.company", companyOf(signal.asset)),
            meta("detail.channel", channel || signal.channel),
            meta("detail.messageId", signal.messageId),
          ),
          signal.warnings.length > 0 && [
            h("h3", {}, t("detail.warnings")),
            h(
              "ul",
              { class: "warnings" },
              signal.warnings.map((name) =>
                h("li", {}, icon("caution", 14), known(`warning.${name}`) ? t(`warning.${name}`) : name),
              ),
            ),
          ],
          h("h3", {}, t("detail.events")),
          events(signal),
          marketPanel(signal),
        ),
        h(
          "div",
          { class: "detail-raw" },
          h("h3", {}, t("detail.message")),
          raw,
          note,
          odd > 0 && h("p", { class: "raw-note" }, t("odd.note", odd)),
        ),
        h("div", { class: "detail-own" }, riskPanel(signal), journalForm(signal), shareButtons(signal)),
      ),
    ),
  );
}

function meta(key, value) {
  return value ? fact(t(key), value) : null;
}

const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

/** Return the prices that are cut in table and picture, in full. */
function longPrices({ stop, entryMin, entryMax, ladder }) {
  const entries = [...new Set([entryMin, entryMax])].map((text) => [t("entry"), text]);
  const prices = [[t("stop"), stop], ...entries, ...ladder.map((target) => [targetName(target), target.price])];
  return prices.filter(([, text]) => isLong(text)).map(([name, text]) => fact(name, price(text)));
}

function events(signal) {
  if (signal.events.length === 0) return h("p", { class: "quiet" }, t("detail.noEvents"));
  return h(
    "ol",
    { class: "events" },
    signal.events.map((event) => {
      const kind = kindOf(event);
      return h(
        "li",
        { class: `event ${kind}` },
        icon({ target: "ok", stop: "bad", cancel: "dash" }[kind] ?? "open", 14),
        h("span", {}, [eventName(event), ...eventValues(event)].join(" · ")),
        h("time", { datetime: new Date(event.ts).toISOString() }, instant(event.ts)),
        event.text && h("q", { class: "event-text" }, visibleText(event.text)),
      );
    }),
  );
}

function kindOf(event) {
  if (event.kind === "cancel" || event.kind === "deleted") return "cancel";
  if (event.kind !== "result") return "update";
  return event.stopHit ? "stop" : event.target !== null ? "target" : "result";
}

function eventName(event) {
  if (event.kind === "cancel") return t("event.cancel");
  if (event.kind === "deleted") return t("event.deleted");
  if (event.kind === "update") return t("event.update");
  if (event.stopHit) return t("event.stop");
  if (event.target === 0) return t("event.final");
  return event.target === null ? t("event.result") : t("event.target", event.target);
}

/** Return what an event says beside its kind, value by value. */
function eventValues(event) {
  const { newStop, newTargets, newEntry, breakeven, fraction } = event;
  return [
    newStop !== null && t("value.newStop", price(newStop)),
    breakeven && t(event.kind === "result" ? "value.closedAtEntry" : "value.stopAtEntry"),
    newTargets.length > 0 &&
      (event.target === null || event.kind === "result"
        ? t("value.newTargets", newTargets.map(price).join(", "))
        : t("value.newTarget", event.target, price(newTargets[0]))),
    newEntry !== null &&
      t("value.newEntry", newEntry[0] === newEntry[1] ? price(newEntry[0]) : newEntry.map(price).join(" – ")),
    fraction !== null && (fraction === "1" ? t("value.closed") : t("value.part", share(fraction))),
    event.price !== null && t("value.price", price(event.price)),
    event.percent !== null && percent(event.percent),
  ].filter(Boolean);
}

/** Return what holds now where the channel has changed something since the signal was posted. */
function nowLine({ now, stop }) {
  const said = [
    now.breakeven ? t("value.stopAtEntry") : now.stop !== stop && t("value.newStop", price(now.stop)),
    now.fraction !== "1" && (now.fraction === "0" ? t("value.closed") : t("value.held", share(now.fraction))),
  ].filter(Boolean);
  return said.length > 0 ? said.join(" · ") : null;
}

/** Underline in the raw text what the reading took from it. Without an answer the text stands as it is. */
async function markProvenance(signal, raw, note) {
  let spans;
  try {
    spans = (await ask(`/api/v1/signals/${signal.id}`)).body.provenance ?? [];
  } catch {
    return; // the text itself is there; the marks are an extra
  }
  const pieces = markedPieces(signal.text, spans);
  if (pieces.length < 2) return;
  raw.replaceChildren(
    ...pieces.flatMap(([text, field]) =>
      field ? h("mark", { title: fieldName(field) }, visibleText(text)) : visibleText(text),
    ),
  );
  note.hidden = false;
}

/** Return the text cut at the spans: [text, field or null]. Spans count code points; overlapping ones are left out. */
export function markedPieces(text, spans) {
  const points = Array.from(text);
  const pieces = [];
  let at = 0;
  const inOrder = spans
    .filter((span) => span.start < span.end && span.end <= points.length)
    .sort((a, b) => a.start - b.start);
  for (const { start, end, field } of inOrder) {
    if (start < at) continue;
    if (start > at) pieces.push([points.slice(at, start).join(""), null]);
    pieces.push([points.slice(start, end).join(""), field]);
    at = end;
  }
  if (at < points.length) pieces.push([points.slice(at).join(""), null]);
  return pieces;
}

function fieldName(field) {
  const [name, index] = field.split(".");
  return index === undefined ? t(`field.${name}`) : t(`field.${name}`, Number(index) + 1);
}
