// The page's life: asks every 3 seconds how things are, listens to the stream, and shows what it knows.

import { setUpAlarm, showAlarm } from "./alarm.js";
import { ApiError, ask, onKeyWanted, useKey } from "./api.js";
import { showCharts } from "./charts.js";
import { showCompanies } from "./company_search.js";
import { byId, setText } from "./dom.js";
import { Filters } from "./filters.js";
import { zone } from "./format.js";
import { showFacts, showHistory, showLive, showParts, showVerdict } from "./header.js";
import { t, translatePage } from "./i18n.js";
import { setUpOffline } from "./install.js";
import { questionOfNoted, refresh } from "./journal.js";
import { showRecord } from "./journal_panel.js";
import { forgetList } from "./kept_list.js";
import { LinkedSignal } from "./linked.js";
import { LeftOut } from "./left_out.js";
import { setFilters, SignalList } from "./list.js";
import { Live } from "./live.js";
import { inOrder, showList } from "./listing.js";
import { toSignal } from "./model.js";
import { News } from "./news.js";
import { cards, phones, Table } from "./table.js";
import { setUpTools } from "./tools.js";
import { judge } from "./trust.js";

const EVERY_MS = 3_000;
/** A tab that nobody sees asks less often, and gives its stream up after a while. */
const HIDDEN_EVERY_MS = 30_000;
const HIDDEN_STREAM_MS = 20_000;
/** The service holds signals for so many days, and so the list has them. */
const DAYS = 90;
/** A signal older than this that appears is history being read, not news. */
const NEWS_MS = 3_600_000;

const known = {
  health: null,
  unreachableSince: null,
  keyWanted: false,
  live: "starting",
  summary: null,
  summaryFailed: false,
  /** the parameters of the counts that were asked for last, and of those that are shown */
  summaryAsked: "",
  summaryOf: "",
  /** the service's clock minus ours, in milliseconds */
  offset: 0,
  commitNumber: null,
  channels: [],
  /** the processes that share the work, where there are several */
  daemons: [],
};
const now = () => Date.now() + known.offset;

const filters = new Filters({
  onChange: () => {
    linked.leave();
    list.ask(filters.question);
    askSummary();
  },
});
const table = new Table({
  onSort: (sort) => filters.setSort(sort),
  onOpen: (id) => linked.follow(id),
  channelName,
});
const leftOut = new LeftOut(filters);
const linked = new LinkedSignal({ table, onChange: showSignals });
const list = new SignalList({ onChange: showSignals, onNews: tellNews });
const news = new News({
  onGo: () =>
    filters.sort.column === "ts" && filters.sort.direction === "desc"
      ? list.ask(filters.question)
      : filters.setSort({ column: "ts", direction: "desc" }),
});
const live = new Live({
  onState: (state) => {
    known.live = state;
    showTrust();
  },
  onSignal: (signal) => {
    list.add(signal);
    refreshSoon();
  },
  onDoubt: () => {
    refreshSoon();
    tick();
  },
});

// ── showing ──────────────────────────────────────────────────────────────────

function showTrust() {
  const shown = { failed: list.state === "failed", staleAt: list.staleAt };
  const verdict = judge({ ...known, list: shown, now: now() });
  showVerdict(verdict);
  // without the key there is nothing to tell, and an open stream has nothing to tell for want of a database
  const waits = known.keyWanted || (verdict.level === "bad" && known.live === "live");
  showLive(known.unreachableSince !== null ? "lost" : waits ? "waiting" : known.live);
}

function showSystem() {
  showFacts(known, now());
  showParts(known, now());
  showHistory(known.health);
  setText(byId("version"), known.health ? t("version.note", known.health.details?.version ?? "?") : "");
}

function showSignals() {
  // without several channels their names say nothing
  showList(list, filters, now());
  table.showHeads(filters.sort);
  const kind = { byAsset: filters.sort.column === "asset", more: list.more || list.frozen };
  table.show(linked.among(inOrder(list.rows, filters.question)), now(), kind);
  showCompanies(filters);
  if (list.state === "ready" || list.isKept) linked.open(list.rows);
  // rows that this browser kept may be older than the record
  if (!list.isKept && refresh(list.rows)) showRecord();
  news.look();
  showTrust();
}

function showFigures() {
  leftOut.show();
  showCharts(known.summary, { failed: known.summaryFailed, onlyValid: filters.onlyValid, now: now() });
}

function showAll() {
  translatePage();
  filters.show();
  setText(byId("zone"), t("zone.note", zone()));
  linked.say();
  showRecord();
  showAlarm();
  showSystem();
  showSignals();
  showFigures();
}

function channelName(id, label) {
  if (known.channels.length < 2 && !label) return "";
  return label ?? known.channels.find((channel) => channel.id === id)?.label ?? id;
}

function tellNews(signals) {
  const fresh = signals.filter((signal) => signal.ts > now() - NEWS_MS);
  table.mark(fresh);
  news.tell(fresh);
}

// ── asking ───────────────────────────────────────────────────────────────────

let ticking = null;
let timer = null;

/** Ask how things are, and for the list where it may have changed. Never twice at once. */
function tick() {
  ticking ??= askAll().finally(() => {
    ticking = null;
    clearTimeout(timer);
    timer = setTimeout(tick, document.hidden ? HIDDEN_EVERY_MS : EVERY_MS);
  });
  return ticking;
}

async function askAll() {
  const before = known.commitNumber;
  await askHealth();
  if (known.health?.details?.role === "serve") await askDaemons();
  showSystem();
  showTrust();
  if (known.keyWanted) return;
  const changed = known.commitNumber !== before;
  const doubtful =
    known.live !== "live" || known.unreachableSince !== null || known.health?.status === "unhealthy";
  const unsettled = list.state !== "ready" || list.staleAt !== null;
  if (changed || doubtful || unsettled) await list.refresh();
  if (changed) await askNoted();
  if (changed || known.summary === null || known.summary.stale || known.summaryFailed) await askSummary();
}

function ignored(error) {
  if (!(error instanceof ApiError)) throw error;
}

async function askHealth() {
  try {
    const { body } = await ask("/health", { accept: [503] });
    known.health = body;
    known.unreachableSince = null;
    if (body.timestamp) known.offset = Date.parse(body.timestamp) - Date.now();
    known.commitNumber = body.details?.cache?.commitNumber ?? null;
    offerChannels(body);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    known.unreachableSince ??= now();
  }
}

const askDaemons = () => ask("/daemons").then(({ body }) => (known.daemons = body.data), ignored);

/** Ask what became of the signals that the reader has noted: those that have ended are not in the list. */
async function askNoted() {
  const question = questionOfNoted();
  if (question === null) return;
  const answer = await ask(`/api/v1/signals?${question}`, { exact: true }).catch(ignored);
  if (answer && refresh(answer.body.data.map(toSignal))) showRecord();
}

/** Ask for the counts of what the list shows. An answer to an earlier question is dropped. */
async function askSummary() {
  const asked = new URLSearchParams({ days: DAYS, tz: zone() });
  setFilters(asked, filters.question);
  known.summaryAsked = String(asked);
  const dropped = () => known.summaryAsked !== String(asked);
  try {
    const { body } = await ask(`/summary?${asked}`);
    if (dropped()) return;
    leftOut.ask(asked);
    known.summary = body;
    known.summaryOf = String(asked);
    known.summaryFailed = false;
    filters.offer({
      types: Object.keys(body.types),
      channels: known.channels,
      assets: Object.keys(body.assets),
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (dropped()) return;
    // counts of another question would look like the answer to this one
    if (known.summaryOf !== String(asked)) known.summary = null;
    known.summaryFailed = true;
  }
  showFigures();
}

/** Channels by name where the service tells names, else by the ids that health shows. */
async function askChannels() {
  try {
    const { body } = await ask("/channels");
    const channels = body.data ?? body.channels ?? [];
    known.channels = channels.map(({ id, channel, label }) => ({
      id: String(id ?? channel),
      label: label || String(id ?? channel),
    }));
  } catch (error) {
    ignored(error);
  }
}

function offerChannels(health) {
  const ids = (health.details?.pollingWorker?.channels ?? []).map(({ channel }) => channel);
  const missing = ids.filter((id) => !known.channels.some((channel) => channel.id === id));
  if (missing.length === 0) return;
  known.channels = [...known.channels, ...missing.map((id) => ({ id, label: id }))];
  filters.offer({ channels: known.channels });
}

let soon = null;

/** After the stream's word the whole window is asked, once for a burst. */
function refreshSoon() {
  soon ??= setTimeout(async () => {
    soon = null;
    await list.refresh();
    await askSummary();
  }, 1_000);
}

// ── the page ─────────────────────────────────────────────────────────────────

onKeyWanted((wrong) => {
  known.keyWanted = true;
  forgetList();
  byId("key-wrong").hidden = !wrong;
  if (!byId("key-dialog").open) byId("key-dialog").showModal();
  showTrust();
});
byId("key-dialog").addEventListener("close", () => {
  if (!byId("key").value) return;
  useKey(byId("key").value);
  known.keyWanted = false;
  live.start();
  tick();
});
byId("more").addEventListener("click", () => list.loadMore());
byId("newer").addEventListener("click", () => list.ask(filters.question));
let hidden = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hidden);
  if (document.hidden) {
    hidden = setTimeout(() => live.stop(), HIDDEN_STREAM_MS);
    return;
  }
  if (!live.open) live.start();
  news.look();
  tick();
});
// a page that the browser keeps for going back would keep its stream as well
addEventListener("pagehide", () => live.stop());
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  live.start();
  tick();
});
new ResizeObserver(showFigures).observe(byId("days").parentElement);
for (const width of [cards, phones]) width.addEventListener("change", showSignals);
setInterval(() => showFacts(known, now()), 1_000);
setUpOffline();
setUpAlarm();
setUpTools({ onLanguage: showAll, question: () => filters.question });

showAll();
live.start();
await askChannels();
await Promise.all([list.ask(filters.question), tick()]);
