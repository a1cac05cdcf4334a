// The line that says how many signals the first view leaves out because prices have ended them, and shows them.

import { ApiError, ask } from "./api.js";
import { byId, h } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";

export class LeftOut {
  #filters;
  #asked = null;
  #number = 0;

  constructor(filters) {
    this.#filters = filters;
  }

  /** Count what prices have ended of the signals that still count by their channel. `counted` are the parameters of the counts. */
  async ask(counted) {
    const asked = new URLSearchParams(counted);
    asked.set("outcome", "ended");
    this.#asked = asked;
    let number = 0;
    try {
      if (this.#filters.onlyValid) number = sum((await ask(`/summary?${asked}`)).body.outcomes);
    } catch (error) {
      // the list and the counts beside it say that the service cannot be reached
      if (!(error instanceof ApiError)) throw error;
    }
    if (asked !== this.#asked) return;
    this.#number = number;
    this.show();
  }

  show() {
    const box = byId("left-out");
    box.hidden = !this.#filters.onlyValid || this.#number === 0;
    if (box.hidden) return;
    const isLeftOut = Boolean(this.#filters.question.outcome);
    const text = t(isLeftOut ? "left.out" : "left.shown", this.#number, count(this.#number));
    if (box.firstChild?.textContent === text) return;
    const act = () => this.#filters.leaveOut(!isLeftOut);
    const words = t(isLeftOut ? "left.show" : "left.hide");
    box.replaceChildren(
      h("span", {}, text),
      h("button", { type: "button", class: "button button-quiet", onclick: act }, words),
    );
  }
}

const sum = (counts) => Object.values(counts).reduce((total, number) => total + number, 0);
