// The filters: a form, kept in the page's address so that a view can be shared and survives a reload.

import { addressed, writeAddress } from "./address.js";
import { byId, h } from "./dom.js";
import { midnight } from "./format.js";
import { t } from "./i18n.js";

const NAMES = ["search", "asset", "side", "type", "status", "period", "from", "to", "channel", "sort"];
const STATUSES = ["waiting", "open", "expired", "target", "target_final", "stopped", "cancelled"];
/**
 * The first view shows what still counts by channel and by prices, and has no name in the address. Another one shows
 * what still counts by the channel alone, and another one everything.
 */
const VALID = "valid";
const ALL = "all";
const SORTS = ["ts.desc", "ts.asc", "asset.asc", "rr.desc", "status.asc"];
const DAY_MS = 86_400_000;
const TYPING_MS = 250;

/** Whether a status is one of the views, not a filter. */
const isView = (status) => ["", VALID, ALL].includes(status);

export class Filters {
  #form = byId("filters");
  #timer = null;
  #types = ["Swing Trade", "Day Trade", "Scalping", "Position", "Buy & Hold"];
  #assets = [];
  #channels = [];

  /** `onChange` is called when the question changed; text fields wait for the end of the typing. */
  constructor({ onChange }) {
    this.onChange = onChange;
    this.values = Object.fromEntries(NAMES.map((name) => [name, addressed(name)]));
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    // a choice made by a program or by the browser's own filling in may tell of its end alone
    for (const kind of ["input", "change"]) {
      this.#form.addEventListener(kind, (event) =>
        this.#changed(event.target.matches("input[type=search], input[type=text]") ? TYPING_MS : 0),
      );
    }
    this.#form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.clear();
    });
    byId("toggle-filters").addEventListener("click", () => this.#toggle());
    byId("view-valid").addEventListener("click", () => this.#showView(""));
    byId("view-all").addEventListener("click", () => this.showAll());
  }

  /** What the API is asked, in its terms; `status`, `column` and `direction` are the page's. */
  get question() {
    const { search, asset, side, type, status, channel } = this.values;
    const [column, direction] = (this.values.sort || "ts.desc").split(".");
    return {
      search: search.trim(),
      asset: asset.trim().toUpperCase(),
      side,
      type,
      status: status === ALL ? "" : status || VALID,
      outcome: status ? "" : "not_ended",
      channel,
      ...this.#period(),
      column,
      direction: column === "ts" ? direction : "desc",
      columnDirection: direction,
    };
  }

  /** How many filters hold something back. */
  get active() {
    const { sort: _sort, from: _from, to: _to, status, ...rest } = this.values;
    return Object.values({ ...rest, status: isView(status) ? "" : status }).filter(Boolean).length;
  }

  /** Whether the list leaves out what has ended, because no other status was asked for. */
  get onlyValid() {
    return ["", VALID].includes(this.values.status);
  }

  /** Leave out what prices have ended, or not, of what still counts by the channel. */
  leaveOut(isLeftOut) {
    this.#showView(isLeftOut ? "" : VALID);
  }

  /** Show what has ended too. */
  showAll() {
    this.#showView(ALL);
  }

  get sort() {
    const [column, direction] = (this.values.sort || "ts.desc").split(".");
    return { column, direction };
  }

  setSort({ column, direction }) {
    this.values.sort = `${column}.${direction}`;
    this.show();
    this.#told();
  }

  /** Ask for one asset instead of the words of the search. */
  chooseAsset(asset) {
    Object.assign(this.values, { search: "", asset });
    this.show();
    this.#told();
  }

  clear() {
    const { sort, status } = this.values;
    this.values = { ...Object.fromEntries(NAMES.map((name) => [name, ""])), sort, status: isView(status) ? status : "" };
    this.show();
    this.#told();
    byId("filters").elements.search.focus();
  }

  /** Offer these types, channels and assets. */
  offer({ types = [], channels = [], assets = [] }) {
    this.#types = [...new Set([...this.#types, ...types])];
    this.#channels = channels;
    // what the present filters leave out is offered too
    this.#assets = [...new Set([...this.#assets, ...assets])];
    byId("assets").replaceChildren(...this.#assets.map((asset) => h("option", { value: asset })));
    this.show();
  }

  /** Write the choices in the present language and the present values. */
  show() {
    const any = ["", t("filters.any")];
    this.#choices("side", [any, ["buy", t("side.buy")], ["sell", t("side.sell")]]);
    this.#choices("type", [any, ...this.#types.map((type) => [type, type])]);
    this.#choices("status", [
      ["", t("view.valid")],
      [VALID, t("view.validAll")],
      [ALL, t("filters.anyStatus")],
      ...STATUSES.map((status) => [
        status,
        t(status === "target" ? "filters.status.target" : `status.${status}`),
      ]),
    ]);
    this.#choices("period", [
      ["", t("period.all")],
      ["today", t("period.today")],
      ["7", t("period.7")],
      ["30", t("period.30")],
      ["dates", t("period.dates")],
    ]);
    this.#choices("channel", [any, ...this.#channels.map(({ id, label }) => [id, label])]);
    this.#choices(
      "sort",
      SORTS.map((sort) => [sort, t(`sort.${sort}`)]),
      "ts.desc",
    );
    for (const name of ["search", "asset", "from", "to"]) {
      const field = this.#form.elements[name];
      if (field.value !== this.values[name]) field.value = this.values[name];
    }
    for (const field of this.#form.querySelectorAll("[data-when=dates]"))
      field.hidden = this.values.period !== "dates";
    // of a single channel there is nothing to choose
    byId("channel-field").hidden = this.#channels.length < 2 && !this.values.channel;
    byId("view-valid").setAttribute("aria-pressed", String(this.onlyValid));
    byId("view-all").setAttribute("aria-pressed", String(this.values.status === ALL));
    byId("clear").hidden = this.active === 0;
    byId("toggle-filters").textContent = this.active
      ? t("filters.toggleActive", this.active)
      : t("filters.toggle");
  }

  #choices(name, choices, fallback = "") {
    const field = this.#form.elements[name];
    const value = this.values[name] || fallback;
    // a value from the address stands even before the service has told of it
    const all = choices.some(([key]) => key === value) ? choices : [...choices, [value, value]];
    const shown = JSON.stringify(all);
    if (field.dataset.shown !== shown) {
      field.dataset.shown = shown;
      field.replaceChildren(...all.map(([key, text]) => h("option", { value: key }, text)));
    }
    field.value = value;
  }

  #changed(delay_ms) {
    const values = Object.fromEntries(NAMES.map((name) => [name, this.#form.elements[name].value]));
    if (values.sort === "ts.desc") values.sort = "";
    if (values.period !== "dates") values.from = values.to = "";
    // the second of the two events that tell of one change
    if (NAMES.every((name) => values[name] === this.values[name])) return;
    this.values = values;
    this.show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#told(), delay_ms);
  }

  #showView(status) {
    this.values.status = status;
    this.show();
    this.#told();
  }

  #told() {
    writeAddress(this.values);
    this.onChange();
  }

  #toggle() {
    const open = this.#form.classList.toggle("open");
    byId("toggle-filters").setAttribute("aria-expanded", String(open));
  }

  /** Days begin and end in the reader's zone. */
  #period(now = Date.now()) {
    const { period, from, to } = this.values;
    if (period === "today") return { from: midnight(now) };
    // noon of the first day, then its midnight: a day of 23 or 25 hours does no harm
    if (period === "7" || period === "30")
      return { from: midnight(midnight(now) + DAY_MS / 2 - (Number(period) - 1) * DAY_MS) };
    if (period !== "dates") return {};
    const start = (text) => new Date(`${text}T00:00:00`).getTime();
    const end = (text) => new Date(`${text}T23:59:59.999`).getTime();
    return { ...(from && { from: start(from) }), ...(to && { to: end(to) }) };
  }
}
