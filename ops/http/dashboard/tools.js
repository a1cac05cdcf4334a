// The buttons of the page's head and the CSV button.

import { ApiError } from "./api.js";
import { gather, toCsv } from "./csv.js";
import { byId, icon, setText } from "./dom.js";
import { count } from "./format.js";
import { switchLanguage, t } from "./i18n.js";
import { say } from "./news.js";
import { download } from "./sheet.js";

const THEME_KEY = "tp-capital.theme";
const THEMES = ["auto", "light", "dark"];
const ICONS = { auto: "half", light: "sun", dark: "moon" };

/** Make the buttons work; `onLanguage` redraws the page, `question` gives the present filters. */
export function setUpTools({ onLanguage, question }) {
  byId("language").addEventListener("click", () => {
    switchLanguage();
    showTools();
    onLanguage();
  });
  byId("theme").addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    showTools();
  });
  byId("toggle-trust").append(icon("chevron", 18));
  byId("toggle-trust").addEventListener("click", (event) => {
    const open = byId("trust").classList.toggle("open");
    event.currentTarget.setAttribute("aria-expanded", String(open));
  });
  byId("csv").addEventListener("click", () => saveCsv(question()));
  showTools();
}

function showTools() {
  const language = byId("language");
  setText(language, t("tool.language"));
  // in the words of those who will want it
  language.setAttribute("aria-label", t("tool.languageLabel"));
  language.lang = t("tool.language") === "EN" ? "en" : "pt-BR";
  const button = byId("theme");
  button.replaceChildren(icon(ICONS[theme()], 18));
  button.setAttribute("aria-label", t(`theme.${theme()}`));
  button.title = t(`theme.${theme()}`);
}

const theme = () => document.documentElement.dataset.theme ?? "auto";

function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem(THEME_KEY, name);
  } catch {
    // storage is forbidden: the choice holds for this visit
  }
}

async function saveCsv(filters) {
  const button = byId("csv");
  if (button.disabled) return;
  button.disabled = true;
  const words = button.firstElementChild;
  try {
    const { signals, cut, stale } = await gather(filters, (number) =>
      setText(words, t("csv.working", count(number))),
    );
    const today = new Date().toLocaleDateString("sv");
    download(`tp-capital-${today}.csv`, toCsv(signals));
    say(t(cut ? "csv.cut" : "csv.done", signals.length));
    if (stale) warn(t("csv.stale"));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    warn(t("csv.failed"));
  } finally {
    button.disabled = false;
    setText(words, t("csv.button"));
  }
}

/** Say something that must not be missed, aloud and to the eye. */
function warn(text) {
  say(text);
  setText(byId("notice"), text);
  byId("notice").hidden = false;
}
