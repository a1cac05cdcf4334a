// The list as a file: the service makes it, with all signals that the filters match.

import { ApiError, askFile } from "./api.js";
import { byId, setText } from "./dom.js";
import { currentLanguage, t } from "./i18n.js";
import { addressOf } from "./list.js";
import { say } from "./news.js";
import { download } from "./sheet.js";

/** Make the buttons save the list that `question` describes. */
export function setUpFiles(question) {
  for (const kind of ["xlsx", "csv"]) byId(kind).addEventListener("click", () => save(kind, question()));
}

async function save(kind, filters) {
  const button = byId(kind);
  if (button.disabled) return;
  button.disabled = true;
  say(t("file.working"));
  try {
    const file = await askFile(addressOf(filters, { path: pathOf(kind) }));
    download(`tp-capital-${new Date().toLocaleDateString("sv")}.${kind}`, file);
    say(t("file.done"));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    warn(t(error.status === 400 ? "file.refused" : "file.failed"));
  } finally {
    button.disabled = false;
  }
}

/** Who reads Portuguese has a spreadsheet that divides cells by semicolons and decimals by commas. */
const pathOf = (kind) =>
  `/api/v1/signals.${kind}${kind === "csv" && currentLanguage() === "pt" ? "?dialect=excel-br" : ""}`;

/** Say something that must not be missed, aloud and to the eye. */
function warn(text) {
  say(text);
  setText(byId("notice"), text);
  byId("notice").hidden = false;
}
