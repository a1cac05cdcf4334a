// The buttons of the page's head, and those that save the list.

import { byId, icon, setText } from "./dom.js";
import { setUpFiles } from "./file.js";
import { setUpHelp } from "./help.js";
import { switchLanguage, t } from "./i18n.js";

const THEME_KEY = "tp-capital.theme";
const THEMES = ["auto", "light", "dark"];
const ICONS = { auto: "half", light: "sun", dark: "moon" };

/** Make the buttons work; `onLanguage` redraws the page, `question` gives the present filters. */
export function setUpTools({ onLanguage, question }) {
  byId("toggle-trust").append(icon("chevron", 18));
  byId("toggle-trust").addEventListener("click", (event) => {
    const open = byId("trust").classList.toggle("open");
    event.currentTarget.setAttribute("aria-expanded", String(open));
  });
  setUpFiles(question);
  setUpHelp();
  setUpLook({ onLanguage });
}

/** Make the buttons of language and appearance work. */
export function setUpLook({ onLanguage }) {
  byId("language").addEventListener("click", () => {
    switchLanguage();
    showTools();
    onLanguage();
  });
  byId("theme").addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    showTools();
  });
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
