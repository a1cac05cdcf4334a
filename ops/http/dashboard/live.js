// News by the server's stream. It is a doorbell: what it misses, the regular questions of main.js find.

import { hasKey } from "./api.js";
import { parseExact } from "./exact.js";
import { toSignal } from "./model.js";

const STREAM = "/signals/stream";
/** A break shorter than this is mended by the browser itself and not worth a word. */
const PATIENCE_MS = 5_000;
const RETRY_MS = 20_000;

export class Live {
  #source = null;
  #patience = null;
  #retry = null;

  /**
   * `onState` gets "live" or "polling", `onSignal` each new signal, `onDoubt` is called when something else
   * changed: a signal was taken back, the database went or came back or was set back.
   */
  constructor({ onState, onSignal, onDoubt }) {
    this.onState = onState;
    this.onSignal = onSignal;
    this.onDoubt = onDoubt;
  }

  start() {
    this.stop();
    // a stream cannot send the key's header, so with a key the page asks instead
    if (hasKey() || !("EventSource" in window)) {
      this.onState("polling");
      return;
    }
    const source = new EventSource(STREAM);
    this.#source = source;
    source.onopen = () => {
      clearTimeout(this.#patience);
      this.#patience = null;
      this.onState("live");
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        // an answer that is no stream: the browser gives up, we ask again later
        this.#lost();
        this.#retry = setTimeout(() => this.start(), RETRY_MS);
      } else if (this.#patience === null) {
        this.#patience = setTimeout(() => this.#lost(), PATIENCE_MS);
      }
    };
    source.addEventListener("signal", (event) => this.onSignal(toSignal(parseExact(event.data))));
    for (const kind of ["removed", "reset", "stale"]) source.addEventListener(kind, () => this.onDoubt());
  }

  /** Give the connection up: a browser has six of them for all tabs of one service. */
  stop() {
    clearTimeout(this.#retry);
    clearTimeout(this.#patience);
    this.#patience = null;
    this.#source?.close();
    this.#source = null;
  }

  get open() {
    return this.#source !== null;
  }

  #lost() {
    clearTimeout(this.#patience);
    this.#patience = null;
    this.onState("polling");
  }
}
