// The form of a rule of alerts: its fields, and what they say.

import { byId, h, setText } from "./dom.js";
import { t } from "./i18n.js";

const KINDS = ["signal", "update", "result", "cancel", "system"];
const LISTS = ["assets", "types", "channels"];
/** As many new targets can be given at once. */
const NEW_TARGETS = 2;

/** Open the form, empty or with a rule; `onSave` gets the request, and returns what is wrong or null. */
export function openForm(rule, onSave) {
  const form = byId("rule-form");
  setText(byId("rule-title"), rule ? t("alerts.change", rule.name) : t("alerts.new"));
  byId("rule-fields").replaceChildren(...fields(rule));
  byId("rule-wrong").hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const wrong = await onSave(requestOf(form));
    setText(byId("rule-wrong"), wrong ?? "");
    byId("rule-wrong").hidden = wrong === null;
    if (wrong === null) byId("rule-dialog").close();
  };
  byId("rule-cancel").onclick = () => byId("rule-dialog").close();
  byId("rule-dialog").showModal();
}

function fields(rule) {
  const check = (name, value, words, checked) =>
    h("label", { class: "check" }, h("input", { type: "checkbox", name, value, checked }), words);
  const input = (name, value, more = {}) =>
    h("label", { class: "field" }, h("span", {}, t(`alerts.${name}`)), h("input", { name, value, ...more }));
  const select = (name, words, options, chosen) =>
    h("label", { class: "field" }, h("span", {}, words),
      h("select", { name }, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text))));
  const sides = [["", t("alerts.bothSides")], ["buy", t("side.buy")], ["sell", t("side.sell")]];
  return [
    input("name", rule?.name ?? "", { required: true, maxlength: 80 }),
    select("language", t("alerts.language"), [["pt", "Português"], ["en", "English"]], rule?.language ?? "pt"),
    h("fieldset", { class: "wide" }, h("legend", {}, t("alerts.kinds")),
      KINDS.map((kind) => check("kinds", kind, t(`alerts.kind.${kind}`), rule ? rule.kinds.includes(kind) : true))),
    ...LISTS.map((name) => input(name, (rule?.[name] ?? []).join(", "))),
    select("sides", t("alerts.side"), sides, rule?.sides.length === 1 ? rule.sides[0] : ""),
    input("quietHours", rule?.quiet_hours ?? "", { placeholder: "22:00-07:00" }),
    h("fieldset", {}, check("without_warnings", "1", t("alerts.withoutWarnings"), rule?.without_warnings ?? false),
      check("enabled", "1", t("alerts.enabled"), rule?.enabled ?? true)),
    h("fieldset", { class: "wide" }, h("legend", {}, t("alerts.targets")),
      (rule?.targets ?? []).map((target) =>
        h("div", { class: "target" }, h("span", {}, `${target.service} ${target.url}`),
          check("keep", String(target.id), t("alerts.keep"), true),
          target.kind === "webhook" && check("renew", String(target.id), t("alerts.newSecret"), false))),
      Array.from({ length: NEW_TARGETS }, () =>
        h("label", { class: "field wide target" }, h("span", {}, t("alerts.address")),
          h("input", { name: "url", placeholder: t("alerts.addressHint"), autocomplete: "off", spellcheck: "false" })))),
  ];
}

function requestOf(form) {
  const data = new FormData(form);
  const listOf = (name) => data.get(name).split(",").map((word) => word.trim()).filter(Boolean);
  const renewed = data.getAll("renew");
  const kept = data.getAll("keep").map((id) => ({ id: Number(id), new_secret: renewed.includes(id) }));
  const added = data.getAll("url").map((url) => url.trim()).filter(Boolean).map((url) => ({ url }));
  return {
    name: data.get("name"),
    language: data.get("language"),
    kinds: data.getAll("kinds"),
    ...Object.fromEntries(LISTS.map((name) => [name, listOf(name)])),
    sides: data.get("sides") ? [data.get("sides")] : [],
    quiet_hours: data.get("quietHours").trim() || null,
    without_warnings: data.has("without_warnings"),
    enabled: data.has("enabled"),
    targets: [...kept, ...added],
  };
}
