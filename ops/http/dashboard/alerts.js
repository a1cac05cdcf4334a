// The page of alerts: rules as cards, with what was sent by each. Whoever changes something needs the key.

import { openForm } from "./alert_form.js";
import { ApiError, ask, onKeyWanted, tell, useKey } from "./api.js";
import { byId, h, setText } from "./dom.js";
import { instant } from "./format.js";
import { t, translatePage } from "./i18n.js";
import { setUpLook } from "./tools.js";

const EVERY_MS = 5_000;
const SENT_SHOWN = 20;
/** What was sent, by the number of the rule; only of rules whose list is open. */
const sent = new Map();
let rules = null;
/** What to do again when the key has been given. */
let waiting = null;

// ── showing ──────────────────────────────────────────────────────────────────

function show() {
  translatePage();
  document.title = t("alerts.page");
  if (rules === null) return;
  byId("rules").replaceChildren(
    ...(rules.length ? rules.map(card) : [h("p", { class: "about" }, t("alerts.none"))]),
  );
}

function card(rule) {
  const button = (key, onclick, more = {}) =>
    h("button", { type: "button", class: "button", onclick, ...more }, t(`alerts.${key}`));
  const open = sent.has(rule.id);
  return h(
    "section",
    { class: "rule", "aria-label": rule.name, "data-rule": rule.id },
    h("div", { class: "rule-head" }, h("h2", {}, rule.name), !rule.enabled && h("span", { class: "rule-off" }, t("alerts.off"))),
    h("p", { class: "rule-words" }, wordsOf(rule).join(" · ")),
    h("ul", { class: "rule-targets" }, rule.targets.map((target) =>
      h("li", {}, `${target.service} ${target.url} `,
        target.off_reason && h("span", { class: "rule-bad" }, t("alerts.targetOff", target.off_reason))))),
    h("div", { class: "rule-actions" },
      button("test", () => test(rule)),
      button("sent", () => toggleSent(rule), { "aria-expanded": String(open) }),
      button("edit", () => edit(rule)),
      button("remove", () => remove(rule))),
    open && h("ul", { class: "sent" }, ...sentOf(rule)),
  );
}

function wordsOf(rule) {
  const only = [...rule.channels, ...rule.assets, ...rule.types, ...rule.sides.map((side) => t(`side.${side}`))];
  return [
    rule.kinds.map((kind) => t(`alerts.kind.${kind}`)).join(", "),
    // troubles of the system know no filter
    ...(rule.kinds.join() === "system" ? [] : [only.join(", ") || t("alerts.all")]),
    ...(rule.without_warnings ? [t("alerts.withoutWarnings")] : []),
    ...(rule.quiet_hours ? [t("alerts.quiet", rule.quiet_hours)] : []),
  ];
}

function sentOf(rule) {
  const list = sent.get(rule.id);
  if (list.length === 0) return [h("li", {}, t("alerts.noSent"))];
  return list.map((alert) =>
    h("li", {},
      h("div", { class: "sent-head" },
        h("strong", {}, alert.title),
        h("span", { class: "sent-why" }, `→ ${targetOf(rule, alert)}`),
        h("span", { "data-state": alert.state }, t(`alerts.state.${alert.state}`)),
        h("span", { class: "sent-why" }, instant(Date.parse(alert.ended_at ?? alert.created_at)))),
      h("p", { class: "sent-text" }, alert.text),
      alert.reason && h("p", { class: "sent-why" }, `${alert.reason} (${t("alerts.attempts", alert.attempts)})`),
      ["dead", "skipped"].includes(alert.state) &&
        h("div", {}, h("button", { type: "button", class: "button", onclick: () => retry(rule, alert) }, t("alerts.retry")))));
}

/** The service of a target; its address where the rule has several. */
function targetOf(rule, alert) {
  const target = rule.targets.find((one) => one.id === alert.target_id);
  return (rule.targets.length > 1 ? target?.url : target?.service) ?? "";
}

function say(trouble) {
  setText(byId("trouble"), trouble ?? "");
  byId("trouble").hidden = !trouble;
}

// ── asking ───────────────────────────────────────────────────────────────────

async function refresh() {
  try {
    rules = (await ask("/alerts")).body.data;
    for (const id of sent.keys()) {
      if (!rules.some((rule) => rule.id === id)) sent.delete(id);
      else sent.set(id, (await ask(`/alerts/${id}/deliveries?limit=${SENT_SHOWN}`)).body.data);
    }
    say(null);
    // a pressed button must not move away from under the finger
    if (!byId("rules").contains(document.activeElement)) show();
  } catch (error) {
    say(t("alerts.failed", reasonOf(error)));
  }
}

const reasonOf = (error) => {
  if (!(error instanceof ApiError)) throw error;
  return error.detail || t("alerts.away");
};

/** Change something, and return the answer; null when it did not work, which is said. */
async function change(method, path, body) {
  try {
    const answer = await tell(method, path, body);
    say(null);
    return answer;
  } catch (error) {
    if (error instanceof ApiError && [401, 403].includes(error.status)) waiting = () => change(method, path, body);
    say(t("alerts.failed", reasonOf(error)));
    return null;
  }
}

async function again() {
  document.activeElement?.blur();
  await refresh();
  show();
}

function edit(rule) {
  openForm(rule, async (request) => {
    try {
      const saved = rule ? await tell("PUT", `/alerts/${rule.id}`, request) : await tell("POST", "/alerts", request);
      for (const target of saved.targets.filter((one) => one.secret)) {
        byId("secrets").append(h("p", { class: "secret" }, t("alerts.secret", target.url, target.secret)));
      }
    } catch (error) {
      return t("alerts.failed", reasonOf(error));
    }
    await again();
    return null;
  });
}

async function test(rule) {
  const answer = await change("POST", `/alerts/${rule.id}/test`);
  if (answer === null) return;
  sent.set(rule.id, sent.get(rule.id) ?? []);
  await again();
}

async function toggleSent(rule) {
  if (sent.has(rule.id)) sent.delete(rule.id);
  else sent.set(rule.id, []);
  await again();
}

async function remove(rule) {
  if (!confirm(t("alerts.removeSure", rule.name))) return;
  if ((await change("DELETE", `/alerts/${rule.id}`)) !== null) await again();
}

async function retry(rule, alert) {
  if ((await change("POST", `/alerts/${rule.id}/deliveries/${alert.id}/retry`)) !== null) await again();
}

onKeyWanted((wrong) => {
  byId("key-wrong").hidden = !wrong;
  if (!byId("key-dialog").open) byId("key-dialog").showModal();
});
byId("key-dialog").addEventListener("close", async () => {
  if (!byId("key").value) return;
  useKey(byId("key").value);
  const todo = waiting;
  waiting = null;
  await todo?.();
  await again();
});
byId("new").addEventListener("click", () => edit(null));
setUpLook({ onLanguage: show });
show();
await refresh();
setInterval(() => document.hidden || refresh(), EVERY_MS);
