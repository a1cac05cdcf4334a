// The list of signals that the page holds: a window of the newest ones, which is reloaded as a whole.

import { ApiError, ask } from "./api.js";
import { endedSince, withEnded } from "./ended.js";
import { keepList, keptList } from "./kept_list.js";
import { matches, toSignal } from "./model.js";
import { orderOf } from "./order.js";

const PATH = "/api/v1/signals";
const PAGE = 100;
/** As many rows as the page draws at most; beyond, the newest make room for older ones. */
export const MOST_ROWS = 500;

/** Return the address of a page of the API for these filters, or of the whole list if there is no limit. */
export function addressOf(filters, { path = PATH, limit = null, cursor = null }) {
  const [place, given] = path.split("?");
  const parameters = new URLSearchParams(given);
  // a file is in the order of time
  parameters.set("sort", limit ? orderOf(filters) : (filters.direction ?? "desc"));
  if (limit) parameters.set("limit", String(limit));
  setFilters(parameters, filters);
  if (cursor) parameters.set("cursor", cursor);
  return `${place}?${parameters}`;
}

/** Write the filters into the parameters of a question: list, files and counts take the same. */
export function setFilters(parameters, filters) {
  for (const name of ["channel", "asset", "type", "side", "status", "outcome", "search", "from", "to"]) {
    if (filters[name]) parameters.set(name, String(filters[name]));
  }
}

export class SignalList {
  rows = [];
  filters = {};
  /** loading, ready, failed, or refused (the filters are at fault) */
  state = "loading";
  /** how many signals were read; more than `rows` once the newest made room */
  scanned = 0;
  /** when the answer was made, if the service says that it is stale */
  staleAt = null;
  /** Whether the rows are those that this browser kept from an earlier visit. */
  isKept = false;
  /** Whether the window no longer begins at the newest signal: it is not reloaded then. */
  frozen = false;
  loadingMore = false;

  #cursor = null;
  #newestId = null;
  #etag = null;
  #address = null;
  /** answers to an earlier question are dropped */
  #question = 0;
  /** the same of two refreshes of one question: one that is overtaken by a later one is dropped */
  #refreshes = 0;
  #refreshed = 0;

  /** `onChange` is called after every change, `onNews` with signals that were not there before. */
  constructor({ onChange, onNews }) {
    this.onChange = onChange;
    this.onNews = onNews;
  }

  get more() {
    return this.#cursor !== null;
  }

  /** Ask another question, from the newest signal on. The rows of the last one stand until the answer. */
  async ask(filters) {
    this.filters = filters;
    Object.assign(this, { scanned: 0, state: "loading", frozen: false, staleAt: null, isKept: false });
    this.#cursor = this.#newestId = this.#etag = this.#address = null;
    this.#question += 1;
    this.onChange();
    await this.refresh();
  }

  /** Ask for the whole window again: what was added, changed by events or replaced since is seen. */
  async refresh() {
    if (this.frozen) return;
    const question = this.#question;
    const turn = ++this.#refreshes;
    const limit = Math.max(PAGE, Math.ceil(this.scanned / PAGE) * PAGE);
    const address = addressOf(this.filters, { limit });
    const etag = address === this.#address ? this.#etag : null;
    try {
      const answer = await ask(address, { etag, exact: true });
      if (question !== this.#question || this.frozen || this.loadingMore) return;
      if (answer.body !== null) {
        const signals = answer.body.data.map(toSignal);
        const ended = this.#mayHold ? await endedSince(this.rows, signals, this.filters) : new Map();
        if (question !== this.#question || turn < this.#refreshed || this.frozen || this.loadingMore) return;
        this.#refreshed = turn;
        this.#take(answer.body, signals, ended);
        this.#etag = answer.etag;
        this.#address = address;
      }
      this.state = "ready";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (question !== this.#question) return;
      this.#failed(error);
    }
    this.onChange();
  }

  /** Add the next page. */
  async loadMore() {
    if (!this.more || this.loadingMore) return;
    this.loadingMore = true;
    this.onChange();
    const question = this.#question;
    try {
      const { body } = await ask(addressOf(this.filters, { limit: PAGE, cursor: this.#cursor }), { exact: true });
      if (question !== this.#question) return;
      const signals = body.data.map(toSignal);
      const known = new Set(this.rows.map((row) => row.id));
      this.rows = [...this.rows, ...signals.filter((signal) => !known.has(signal.id))];
      // in another order than that of time, older pages may hold newer signals
      this.#newestId = Math.max(this.#newestId, ...signals.map((signal) => Number(signal.id)));
      this.scanned += signals.length;
      this.#cursor = body.nextCursor;
      this.frozen = this.scanned > MOST_ROWS;
      this.rows = this.rows.slice(-MOST_ROWS);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (question !== this.#question) return;
      this.#failed(error);
    } finally {
      this.loadingMore = false;
      if (question === this.#question) this.onChange();
    }
  }

  /** Take a signal that the stream told of; a moment later the window is reloaded all the same. */
  add(signal) {
    if (this.rows.some((row) => row.id === signal.id) || !matches(signal, this.filters)) return;
    if (this.frozen || this.filters.direction === "asc") {
      // it belongs to the other end of the list
      this.onNews([signal]);
    } else if (this.state === "ready") {
      const before = this.rows.findIndex((row) => isNewer(signal, row));
      this.rows = this.rows.toSpliced(before < 0 ? this.rows.length : before, 0, signal);
      this.scanned += 1;
      // if the signal ends at once, the list is again what the last answer was, and the row would stay as it came
      this.#etag = null;
      this.#tellNews();
    }
    this.onChange();
  }

  /** Whether what the list shows may end and leave the answer: its rows are of this question already. */
  get #mayHold() {
    return this.filters.status === "valid" && this.state !== "loading" && !this.isKept;
  }

  #take(body, signals, ended) {
    this.rows = withEnded(this.rows, signals.slice(0, MOST_ROWS), ended);
    this.scanned = signals.length;
    this.#cursor = body.nextCursor;
    this.staleAt = body.stale ? Date.now() - Number(body.staleSeconds) * 1000 : null;
    this.isKept = false;
    keepList(this.filters, body.data, this.staleAt ?? Date.now());
    this.#tellNews();
  }

  /** Ids grow with time: those above the highest one known are news. The first page of all is none. */
  #tellNews() {
    const known = this.#newestId;
    const ids = this.rows.map((row) => Number(row.id));
    this.#newestId = Math.max(known ?? 0, ...ids);
    if (known === null) return;
    const fresh = this.rows.filter((row) => Number(row.id) > known);
    if (fresh.length) this.onNews(fresh);
  }

  /** The service cannot be reached: what this browser kept is shown, with its time. */
  #showKept() {
    const kept = keptList(this.filters);
    if (kept === null) return;
    Object.assign(this, { rows: kept.rows, staleAt: kept.at, isKept: true });
  }

  #failed(error) {
    const refused = error.status === 400;
    // rows of another question must not stand under these filters
    if (refused || this.state === "loading") this.rows = [];
    if (error.status === 0 && this.state === "loading") this.#showKept();
    this.state = refused ? "refused" : "failed";
  }
}

function isNewer(a, b) {
  return a.ts > b.ts || (a.ts === b.ts && Number(a.id) > Number(b.id));
}
