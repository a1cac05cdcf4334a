// The calculator under an opened row. Capital and risk are the reader's: they stay in this browser.

import { h } from "./dom.js";
import { price } from "./format.js";
import { t } from "./i18n.js";
import { keep, kept } from "./keeping.js";
import { targetName } from "./priceline.js";
import { readAmount, sizeOf } from "./risk.js";

const NAME = "risk";

/** Return the calculator of a signal. */
export function riskPanel(signal) {
  const given = kept(NAME) ?? { capital: "", percent: "1" };
  const result = h("div", { class: "risk-result", role: "status" });
  const field = (name) =>
    h(
      "label",
      { class: "field" },
      h("span", {}, t(`risk.${name}`)),
      h("input", {
        ...{ type: "text", inputmode: "decimal", autocomplete: "off", maxlength: "24" },
        ...{ name, value: given[name], oninput: changed },
      }),
    );
  function changed({ target }) {
    given[target.name] = target.value;
    keep(NAME, given);
    show();
  }
  function show() {
    result.replaceChildren(...resultOf(signal, sizeOf(signal, readAmount(given.capital), readAmount(given.percent))));
  }
  show();
  return h(
    "section",
    { class: "risk", "aria-label": t("risk.title") },
    h("h3", {}, t("risk.title")),
    h("div", { class: "risk-fields" }, field("capital"), field("percent")),
    result,
  );
}

const reais = (text) => `R$ ${price(text)}`;
const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

function resultOf(signal, size) {
  if (size.problem === "small")
    return [h("p", { class: "quiet" }, t("risk.problem.small", reais(size.allowed), reais(size.one)))];
  if (size.problem) return [h("p", { class: "quiet" }, t(`risk.problem.${size.problem}`))];
  const targets = size.targets.map((target) =>
    fact(targetName(target), target.money === null ? "–" : reais(target.money)),
  );
  return [
    h(
      "dl",
      { class: "meta" },
      fact(t("risk.quantity"), quantityText(signal, size)),
      fact(t("risk.atRisk"), t("risk.of", reais(size.atRisk), reais(size.allowed))),
      size.cost !== null && fact(t("risk.cost"), reais(size.cost)),
      targets,
    ),
    size.tooDear && h("p", { class: "risk-dear" }, t("risk.tooDear")),
    h("p", { class: "raw-note" }, t(size.kind === "unit" ? "risk.noteUnit" : "risk.note")),
  ].filter(Boolean);
}

function quantityText({ asset }, { kind, quantity, whole, odd }) {
  if (kind === "future") return t("risk.contracts", Number(quantity), price(quantity));
  if (kind !== "share" || odd === "0") return t("risk.units", price(quantity), asset);
  const parts = [whole !== "0" && t("risk.units", price(whole), asset), t("risk.units", price(odd), `${asset}F`)];
  return parts.filter(Boolean).join(" + ");
}
