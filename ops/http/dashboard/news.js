// New signals that the reader has not seen yet: a pill that stays in sight, and their number in title and icon.

import { alarm } from "./alarm.js";
import { byId, setText } from "./dom.js";
import { price } from "./format.js";
import { t } from "./i18n.js";

/** So many lines of what was said aloud are kept. */
const MOST_LINES = 5;
/** Of a burst so many signals are said one by one. */
const MOST_SAID = 3;

export class News {
  #unseen = new Map();
  #told = new Set();

  /** `onGo` is asked to show the newest signals when the list does not hold the one that the reader wants. */
  constructor({ onGo }) {
    this.onGo = onGo;
    byId("news").addEventListener("click", () => this.#go());
    // the list may be scrolled by wheel, keyboard or finger; the tab may come back to the front
    for (const kind of ["scroll", "resize"]) addEventListener(kind, () => this.look(), { passive: true });
  }

  /** Take new signals: say them, and count them until they have been seen. */
  tell(signals) {
    const fresh = signals.filter((signal) => !this.#told.has(signal.id));
    if (fresh.length === 0) return;
    for (const signal of fresh) {
      this.#told.add(signal.id);
      this.#unseen.set(signal.id, signal);
    }
    for (const signal of fresh.slice(0, MOST_SAID)) say(sentence(signal));
    alarm(fresh.map(sentence));
  }

  /** Forget what stands before the reader's eyes, and show how many are left. */
  look() {
    if (!document.hidden) {
      for (const id of this.#unseen.keys()) if (isInSight(rowOf(id))) this.#unseen.delete(id);
    }
    this.show();
  }

  /** Write pill, title and icon. */
  show() {
    const number = this.#unseen.size;
    byId("news").hidden = number === 0;
    setText(byId("news-text"), t("news.pill", number));
    document.title = number ? t("title.news", number) : t("page.title");
    const icon = document.querySelector("link[rel=icon]");
    const wanted = number ? numberIcon(number) : "assets/icon.svg";
    if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  }

  #go() {
    const row = [...this.#unseen.keys()].map(rowOf).find(Boolean);
    if (!row) {
      // whatever part of the list was shown, the reader asked for the newest
      this.#unseen.clear();
      this.onGo();
      byId("signals").scrollIntoView();
      return;
    }
    row.scrollIntoView({ block: "center" });
    row.querySelector(".expand").focus({ preventScroll: true });
    this.look();
  }
}

/** Say a line aloud. */
export function say(text) {
  const line = document.createElement("p");
  line.textContent = text;
  const box = byId("announce");
  box.append(line);
  while (box.childElementCount > MOST_LINES) box.firstElementChild.remove();
}

function sentence({ side, asset, entryMin, entryMax, stop }) {
  return t("announce.signal", t(`side.${side}`), asset, price(entryMin ?? entryMax), price(stop));
}

const rowOf = (id) => document.querySelector(`#rows [data-id="${CSS.escape(id)}"]`);

function isInSight(row) {
  if (!row) return false;
  const { top, bottom } = row.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}

function numberIcon(number) {
  const text = number > 9 ? "9+" : String(number);
  const drawn =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" fill="#b02318"/>' +
    `<text x="12" y="18" font-family="sans-serif" font-size="16" font-weight="700" text-anchor="middle" fill="#fff">${text}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}
