// News by the server's stream. It is a doorbell: what it misses, the regular questions of main.js find.
//
// Read by fetch(): the browser's own EventSource cannot send the key, where reading needs one.

import { ApiError, follow } from "./api.js";
import { EventParser } from "./events.js";
import { parseExact } from "./exact.js";
import { toSignal } from "./model.js";

const STREAM = "/signals/stream";
const EVENTS = "text/event-stream";
/** A break shorter than this is not worth a word. */
const PATIENCE_MS = 5_000;
/** The first pause before connecting again, unless the server names one; with each failure it doubles. */
const PAUSE_MS = 3_000;
const LONGEST_PAUSE_MS = 10_000;
/** After an answer that is no stream: as many are open as may be, or something between us cannot. */
const REFUSED_PAUSE_MS = 20_000;
/** The server gives a sign of life every 15 s: after three of them nobody is there, whatever the network says. */
const SILENCE_MS = 45_000;

export class Live {
  #stopped = null;
  #patience = null;

  /**
   * `onState` gets "live" or "polling", `onSignal` each new signal, `onDoubt` is called when something else
   * changed: a signal was taken back or is in another state, the database went or came back or was set back.
   */
  constructor({ onState, onSignal, onDoubt }) {
    this.onState = onState;
    this.onSignal = onSignal;
    this.onDoubt = onDoubt;
  }

  start() {
    this.stop();
    this.#stopped = new AbortController();
    this.#listen(this.#stopped.signal);
  }

  /** Give the connection up: a browser has six of them for all tabs of one service. */
  stop() {
    this.#patient();
    this.#stopped?.abort();
    this.#stopped = null;
  }

  get open() {
    return this.#stopped !== null;
  }

  /** Follow one connection after the other, each from where the one before has ended. */
  async #listen(stopped) {
    let place = "";
    let pause_ms = PAUSE_MS;
    while (!stopped.aborted) {
      const parser = new EventParser(place);
      let status = 0;
      try {
        await this.#follow(parser, stopped);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        status = error.status;
      }
      if (stopped.aborted) return;
      // the reader is being asked for the key, and we are started again when it is there
      if (status === 401 || status === 403) return this.#lost();
      place = parser.place;
      // each stream begins with that word: who has heard it was connected
      if (parser.retry_ms !== null) pause_ms = parser.retry_ms;
      if (status === 0) {
        this.#patience ??= setTimeout(() => this.#lost(), PATIENCE_MS);
        // not all pages at once when the server comes back
        await pause(pause_ms * (0.75 + Math.random() / 2), stopped);
        pause_ms = Math.min(pause_ms * 2, LONGEST_PAUSE_MS);
      } else {
        this.#lost();
        await pause(REFUSED_PAUSE_MS, stopped);
      }
    }
  }

  /** Read one connection to its end, for whatever reason it ends. */
  async #follow(parser, stopped) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const reader = await follow(STREAM, {
        headers: { Accept: EVENTS, ...(parser.place && { "Last-Event-ID": parser.place }) },
        signal: AbortSignal.any([stopped, silence.signal]),
      });
      this.#patient();
      this.onState("live");
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read().catch(() => ({ done: true }));
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        for (const event of parser.push(decoder.decode(value, { stream: true }))) {
          // each in a turn of its own: what one of them breaks does not end the stream
          queueMicrotask(() => this.#tell(event));
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #tell({ kind, data }) {
    if (kind === "signal") this.onSignal(toSignal(parseExact(data)));
    if (["updated", "removed", "reset", "stale"].includes(kind)) this.onDoubt();
  }

  #patient() {
    clearTimeout(this.#patience);
    this.#patience = null;
  }

  #lost() {
    this.#patient();
    this.onState("polling");
  }
}

/** Wait so long, or until `signal`. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
