// Asking the service. Every answer is an object or an ApiError; nothing waits without limit.

import { parseExact } from "./exact.js";

const TIMEOUT_MS = 15_000;
const FILE_TIMEOUT_MS = 600_000;
const KEY = "tp-capital.key";

let key = keptKey();
let askForKey = () => {};

/** The service did not give what was asked. `status` is 0 when it could not be reached at all. */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
    this.detail = detail;
  }
}

/**
 * Return { status, body, etag }; body is null on 304. `exact` keeps the digits of numbers (as strings).
 *
 * An unhealthy /health answers 503 with a body worth reading: such statuses stand in `accept`.
 */
export async function ask(path, { etag = null, exact = false, accept = [] } = {}) {
  const headers = { Accept: "application/json" };
  if (etag) headers["If-None-Match"] = etag;
  let response, text;
  try {
    response = await send(path, headers, AbortSignal.timeout(TIMEOUT_MS));
    text = await response.text();
  } catch (error) {
    throw new ApiError(0, String(error.message ?? error));
  }
  if (response.status === 304) return { status: 304, body: null, etag };
  if (response.status === 401 || response.status === 403) askForKey(key !== null);
  if (!response.ok && !accept.includes(response.status)) throw new ApiError(response.status, detailOf(text));
  try {
    const body = exact ? parseExact(text) : JSON.parse(text);
    return { status: response.status, body, etag: response.headers.get("ETag") };
  } catch {
    throw new ApiError(response.status, "no JSON");
  }
}

/** Return a file as a whole. One that breaks off in the middle is an error. */
export async function askFile(path) {
  let response, file;
  try {
    response = await send(path, { Accept: "*/*" }, AbortSignal.timeout(FILE_TIMEOUT_MS));
    file = await response.blob();
  } catch (error) {
    throw new ApiError(0, String(error.message ?? error));
  }
  if (response.status === 401 || response.status === 403) askForKey(key !== null);
  if (!response.ok) throw new ApiError(response.status, detailOf(await file.text()));
  return file;
}

/** Change something, and return the answer. */
export async function tell(method, path, body = {}) {
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  let response, text;
  try {
    response = await send(path, headers, AbortSignal.timeout(TIMEOUT_MS), { method, body: JSON.stringify(body) });
    text = await response.text();
  } catch (error) {
    throw new ApiError(0, String(error.message ?? error));
  }
  if (response.status === 401 || response.status === 403) askForKey(key !== null);
  if (!response.ok) throw new ApiError(response.status, detailOf(text));
  return JSON.parse(text);
}

/** Return a reader of the bytes of an answer that goes on until `signal` ends it. */
export async function follow(path, { headers, signal }) {
  let response, text;
  try {
    response = await send(path, headers, signal);
    const isWanted = response.headers.get("Content-Type")?.startsWith(headers.Accept);
    if (response.ok && isWanted) return response.body.getReader();
    text = await response.text();
  } catch (error) {
    throw new ApiError(0, String(error.message ?? error));
  }
  throw new ApiError(response.status, detailOf(text));
}

/** Say what to do when the service wants a key; it is told whether one was sent and refused. */
export function onKeyWanted(handler) {
  askForKey = handler;
}

/** Send this key from now on, for as long as the tab is open; none if it is null. */
export function useKey(text) {
  key = text;
  try {
    if (text === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, text);
  } catch {
    // storage is forbidden: the key holds until the page is loaded again
  }
}

/** Return the key that is sent, or null. */
export const heldKey = () => key;

/** Whether answers are got with a key: what is got so is kept for this tab alone. */
export const holdsKey = () => key !== null;

function send(path, headers, signal, more = {}) {
  const sent = key ? { ...headers, "X-API-Key": key } : headers;
  // below the page, wherever a proxy serves it; the path as we know it begins with a slash
  const place = new URL(`.${path}`, document.baseURI);
  // our own validators decide; the browser's cache would only hide a 304
  return fetch(place, { headers: sent, cache: "no-store", signal, ...more });
}

function keptKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function detailOf(text) {
  try {
    return JSON.parse(text).detail ?? "";
  } catch {
    return "";
  }
}
