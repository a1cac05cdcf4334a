// A sound and a notification of the browser for new signals. Both are off until the reader asks for them.

import { byId, icon } from "./dom.js";
import { t } from "./i18n.js";

const KEYS = { sound: "tp-capital.sound", notify: "tp-capital.notify" };
const wanted = { sound: kept("sound"), notify: kept("notify") };
/** Two short notes: frequency in hertz, start and length in seconds. */
const NOTES = [
  [880, 0, 0.14],
  [1175, 0.16, 0.22],
];
const LOUDNESS = 0.2;

let audio = null;

/** Make the two buttons work. */
export function setUpAlarm() {
  byId("sound").addEventListener("click", () => {
    keep("sound", !wanted.sound);
    if (wanted.sound) play();
    showAlarm();
  });
  byId("notify").addEventListener("click", askToNotify);
  // a browser lets a page sound only after the reader has touched it
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, wake);
  if (wanted.sound) wake();
  showAlarm();
}

/** Write the buttons' states in the present language. */
export function showAlarm() {
  showButton("sound", !wanted.sound ? "off" : audio?.state === "running" ? "on" : "waits");
  showButton("notify", !canNotify() ? "never" : mayNotify() ? "on" : "off");
}

/** Sound and notify as the reader wishes; `sentences` say the new signals. */
export function alarm(sentences) {
  if (wanted.sound) play();
  if (!mayNotify()) return;
  try {
    const note = new Notification(t("news.pill", sentences.length), {
      body: sentences.join("\n"),
      icon: "assets/icon.svg",
    });
    note.addEventListener("click", () => {
      window.focus();
      note.close();
    });
  } catch {
    // browsers of phones have the name, and refuse to be asked by a page
    keep("notify", false);
    showAlarm();
  }
}

const canNotify = () => "Notification" in window && Notification.permission !== "denied";
const mayNotify = () => wanted.notify && canNotify() && Notification.permission === "granted";

async function askToNotify() {
  if (!canNotify()) return;
  if (mayNotify()) keep("notify", false);
  else keep("notify", (await Notification.requestPermission()) === "granted");
  showAlarm();
}

async function wake() {
  if (!wanted.sound) return;
  audio ??= new AudioContext();
  audio.onstatechange = showAlarm;
  if (audio.state === "suspended") await audio.resume();
}

function play() {
  wake();
  for (const [frequency, start_s, length_s] of NOTES) {
    const tone = new OscillatorNode(audio, { frequency });
    const volume = new GainNode(audio, { gain: LOUDNESS });
    const at = audio.currentTime + start_s;
    volume.gain.setTargetAtTime(0, at + length_s / 2, length_s / 6);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + length_s);
  }
}

function showButton(name, state) {
  const button = byId(name);
  const words = t(`${name}.${state}`);
  button.replaceChildren(icon(`${name}${state === "on" ? "" : "Off"}`, 18));
  button.setAttribute("aria-pressed", String(state === "on" || state === "waits"));
  button.setAttribute("aria-label", words);
  button.title = words;
}

function kept(name) {
  try {
    return localStorage.getItem(KEYS[name]) === "yes";
  } catch {
    return false;
  }
}

function keep(name, value) {
  wanted[name] = value;
  try {
    localStorage.setItem(KEYS[name], value ? "yes" : "no");
  } catch {
    // storage is forbidden: the choice holds for this visit
  }
}
