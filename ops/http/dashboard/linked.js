// The signal that the address names. It is shown on top when the list does not hold it.

import { addressed, writeAddress } from "./address.js";
import { ApiError, ask } from "./api.js";
import { byId, setText } from "./dom.js";
import { t } from "./i18n.js";
import { toSignal } from "./model.js";

const WORDS = { missing: "link.missing", failed: "link.failed" };

export class LinkedSignal {
  /** what the link says, without the full stop that may have been copied with it */
  #id = addressed("signal").replace(/\W+$/, "").slice(0, 40) || null;
  /** the signal, when it had to be asked for by itself */
  #signal = null;
  /** waiting, shown, missing (unknown or expired) or failed */
  #state = this.#id ? "waiting" : "shown";

  /** `table` shows it; `onChange` is called when its answer came. */
  constructor({ table, onChange }) {
    this.table = table;
    this.onChange = onChange;
  }

  /** Return the rows, with the linked signal before them if they do not hold it. */
  among(signals) {
    if (this.#signal === null || signals.some(({ id }) => id === this.#signal.id)) return signals;
    return [this.#signal, ...signals];
  }

  /** Open the row of the address once; what the list does not hold is asked for by itself. */
  async open(signals) {
    if (this.#state !== "waiting") return;
    this.#state = "asked";
    try {
      if (!signals.some(({ id }) => id === this.#id)) {
        this.#signal = toSignal((await ask(`/api/v1/signals/${encodeURIComponent(this.#id)}`, { exact: true })).body);
        this.onChange();
      }
      this.#state = "shown";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#state = [400, 404].includes(error.status) ? "missing" : "failed";
    }
    this.say();
    if (this.#state === "shown") this.table.open(this.#id);
  }

  /** Keep the row that is open in the address. */
  follow(id) {
    writeAddress({ signal: id });
    if (["missing", "failed"].includes(this.#state)) this.#state = "shown";
    this.say();
  }

  /** Other filters were chosen: what does not belong to them is shown no longer. */
  leave() {
    this.#signal = null;
    if (this.#state !== "waiting") this.follow(null);
  }

  /** Say what became of the link, in the present language. */
  say() {
    const key = this.#state in WORDS ? WORDS[this.#state] : this.#signal && "link.outside";
    byId("link-notice").hidden = !key;
    setText(byId("link-notice"), key ? t(key, this.#id) : "");
  }
}
