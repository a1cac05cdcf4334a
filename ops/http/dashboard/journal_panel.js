// The reader's own words under an opened row, and the own record beside the channel's.

import { byId, h } from "./dom.js";
import { count, price } from "./format.js";
import { currentLanguage, t } from "./i18n.js";
import { journalLines, note, noted, readResult, record } from "./journal.js";
import { csvOf, download, fileOf } from "./sheet.js";

/** Return the form of a signal: took it or left it, result, note. */
export function journalForm(signal) {
  const given = { ...noted(signal) };
  const told = h("p", { class: "raw-note", role: "status" });
  const save = () => {
    const kept = note(signal, given);
    told.textContent = !kept
      ? t("journal.notKept")
      : given.result && readResult(given.result) === null
        ? t("journal.noAmount")
        : "";
    showRecord();
  };
  const choices = ["took", "left"].map((choice) =>
    h(
      "button",
      {
        type: "button",
        class: "button choice",
        "aria-pressed": String(given.choice === choice),
        onclick: () => {
          given.choice = given.choice === choice ? "" : choice;
          for (const [index, name] of ["took", "left"].entries())
            choices[index].setAttribute("aria-pressed", String(given.choice === name));
          save();
        },
      },
      t(`journal.${choice}`),
    ),
  );
  const field = (name, attributes) =>
    h(
      "label",
      { class: `field journal-${name}` },
      h("span", {}, t(`journal.${name}`)),
      h("input", {
        ...{ type: "text", name, value: given[name], autocomplete: "off", ...attributes },
        oninput: ({ target }) => {
          given[name] = target.value;
          save();
        },
      }),
    );
  return h(
    "section",
    { class: "journal", "aria-label": t("journal.title") },
    h("h3", {}, t("journal.title")),
    h(
      "div",
      { class: "journal-fields" },
      choices,
      field("result", { maxlength: "24" }),
      field("note", { maxlength: "500" }),
    ),
    told,
  );
}

/** Show the own record; a reader who has noted nothing is shown none. */
export function showRecord() {
  const { took, left } = record();
  const some = took.signals + left.signals > 0;
  byId("record").hidden = !some;
  if (!some) return;
  const row = (key, value) =>
    h("tr", {}, h("th", { scope: "row" }, t(key)), h("td", {}, value(took)), h("td", {}, value(left)));
  const head = ["took", "left"].map((name) => h("th", { scope: "col" }, t(`record.${name}`)));
  byId("record-body").replaceChildren(
    h(
      "table",
      { class: "legend record" },
      h("thead", {}, h("tr", {}, h("td", {}), head)),
      h(
        "tbody",
        {},
        row("record.signals", ({ signals }) => count(signals)),
        row("record.target", ({ target }) => count(target)),
        row("record.stopped", ({ stopped }) => count(stopped)),
        row("record.other", ({ other }) => count(other)),
        row("record.won", ({ won }) => count(won)),
        row("record.lost", ({ lost }) => count(lost)),
        row("record.total", ({ total }) => (total === null ? "–" : signed(total))),
      ),
    ),
    h("p", { class: "chart-note" }, t("record.note")),
    h("button", { type: "button", class: "button", onclick: save }, t("record.export")),
  );
}

const signed = (total) => `R$ ${total.startsWith("-") ? "−" : ""}${price(total.replace("-", ""))}`;

function save() {
  download(`tp-capital-journal-${new Date().toLocaleDateString("sv")}.csv`, fileOf(csvOf(journalLines(), { excelBr: currentLanguage() === "pt" })));
}

// another tab has noted something
addEventListener("storage", showRecord);
