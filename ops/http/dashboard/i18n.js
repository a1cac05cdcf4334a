// The page's language: the browser's first of those we have, until the reader chooses.

import { words as en } from "./words.en.js";
import { words as pt } from "./words.pt.js";

const KEY = "tp-capital.language";
const LANGUAGES = { pt: { words: pt, locale: "pt-BR" }, en: { words: en, locale: "en-GB" } };

let language = chosen() ?? preferred(navigator.languages ?? [navigator.language]);

/** Return the first of the browser's languages that the page has; Portuguese when it has none of them. */
export function preferred(wanted) {
  for (const tag of wanted) {
    const name = tag.toLowerCase().split("-")[0];
    if (name in LANGUAGES) return name;
  }
  return "pt";
}

/** Return the words for a key; those that need values are functions of them. */
export function t(key, ...values) {
  const entry = LANGUAGES[language].words[key];
  if (entry === undefined) return key;
  return typeof entry === "function" ? entry(...values) : entry;
}

/** Whether there are words for a key. */
export const known = (key) => key in LANGUAGES[language].words;

export const locale = () => LANGUAGES[language].locale;

export const currentLanguage = () => language;

/** Switch to the other language, and keep the choice. */
export function switchLanguage() {
  language = language === "pt" ? "en" : "pt";
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // storage is forbidden: the choice holds for this visit
  }
}

/** Write the page's fixed texts in the present language. */
export function translatePage() {
  document.documentElement.lang = locale();
  for (const element of document.querySelectorAll("[data-i18n]"))
    element.textContent = t(element.dataset.i18n);
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", t(element.dataset.i18nLabel));
  }
  for (const element of document.querySelectorAll("[data-i18n-placeholder]")) {
    element.setAttribute("placeholder", t(element.dataset.i18nPlaceholder));
  }
}

function chosen() {
  try {
    const kept = localStorage.getItem(KEY);
    return kept in LANGUAGES ? kept : null;
  } catch {
    return null;
  }
}
