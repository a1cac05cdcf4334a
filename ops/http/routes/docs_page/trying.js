// Trying an operation: its form, the same request for curl, and the answer.

import { heldKey } from "../assets/api.js";
import { h } from "../assets/dom.js";
import { resolved, sample, typeText } from "./schema.js";

const SHOWN_CHARACTERS = 200_000;
const STREAM = "text/event-stream";

/** Return the elements with which an operation is tried. */
export function trial(document_, path, method, operation, worded) {
  const fields = operation.parameters.map((parameter) => fieldOf(document_, parameter, worded));
  const accepts = Object.keys(resolved(document_, operation.responses["200"] ?? {}).content ?? {});
  const accept = h("select", {}, accepts.map((name) => h("option", {}, name)));
  const body = operation.requestBody && h("textarea", { spellcheck: "false", "aria-label": "body" });
  if (body) body.value = JSON.stringify(sample(document_, operation.requestBody.content["application/json"].schema), null, 2);

  const request = () => {
    const given = fields.filter(({ input }) => input.value !== "").map(({ parameter, input }) => [parameter, input.value]);
    const where = (place) => given.filter(([parameter]) => parameter.in === place).map(([{ name }, value]) => [name, value]);
    const filled = path.replace(/{(\w+)}/g, (whole, name) => encodeURIComponent(new Map(where("path")).get(name) ?? whole));
    const query = new URLSearchParams(where("query")).toString();
    const headers = Object.fromEntries(where("header"));
    if (accepts.length > 1) headers.Accept = accept.value;
    if (body) headers["Content-Type"] = "application/json";
    return { url: new URL(`.${filled}${query && `?${query}`}`, document.baseURI), headers, body: body?.value };
  };

  const curl = h("pre", { class: "curl", tabindex: "0", "aria-label": "the request for curl" });
  const show = () => {
    curl.textContent = curlOf(method, request(), {
      key: operation.security.length > 0 || heldKey() !== null,
      endless: accepts.includes(STREAM),
    });
  };
  const outcome = h("p", { class: "outcome", role: "status" });
  const answer = h("pre", { class: "answer", tabindex: "0", "aria-label": "the answer", hidden: true });
  const form = h("form", { class: "inside-form", oninput: show },
    fields.length > 0 && h("h3", {}, "Parameters"),
    h("div", { class: "parameters" }, fields.map(({ label }) => label),
      accepts.length > 1 && h("label", {}, h("code", {}, "Accept"), accept)),
    body && h("h3", {}, "Body"), body,
    h("h3", {}, "Request"), curl,
    h("div", { class: "line" },
      h("button", { class: "button send" }, "Send"),
      h("button", { class: "button", type: "button", onclick: (event) => copy(event.currentTarget, curl.textContent) }, "Copy"),
      h("button", { class: "button stop", type: "button", hidden: true }, "Stop"),
      outcome),
    answer);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, method, request(), { outcome, answer });
  });
  document.getElementById("key").addEventListener("input", show);
  show();
  return form;
}

function fieldOf(document_, parameter, worded) {
  const schema = resolved(document_, parameter.schema);
  const preset = schema.default === undefined ? "" : String(schema.default);
  const one = schema.type === "array" ? resolved(document_, schema.items) : schema;
  const words = one.enum ?? (one.const === undefined ? null : [one.const]);
  const type = words ? words.join(" · ") : typeText(document_, one);
  const input = words && one === schema
    ? h("select", {}, h("option", { value: "" }, preset && `${preset} (default)`), words.map((word) => h("option", {}, word)))
    : h("input", { placeholder: preset || (schema.examples?.[0] ?? ""), required: parameter.required, autocomplete: "off" });
  const label = h("label", {},
    h("span", {}, h("code", {}, parameter.name), parameter.required ? " (needed) " : " ", ...worded(parameter.description ?? "")),
    input,
    h("span", { class: "type" }, one === schema ? type : `one, or several with commas between them: ${type}`));
  return { parameter, input, label };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curlOf(method, { url, headers, body }, { key, endless }) {
  const parts = ["curl", endless ? "-sN" : "-s"];
  if (method !== "get") parts.push("-X", method.toUpperCase());
  // by name, so that no key gets into a shell's history
  if (key) parts.push("-H", '"X-API-Key: $TP_CAPITAL_API_KEY"');
  for (const [name, value] of Object.entries(headers)) parts.push("-H", quoted(`${name}: ${value}`));
  if (body !== undefined) parts.push("-d", quoted(body));
  return [...parts, quoted(url.href)].join(" ");
}

async function send(form, method, { url, headers, body }, { outcome, answer }) {
  const ending = new AbortController();
  const stop = form.querySelector(".stop");
  stop.onclick = () => ending.abort();
  const key = heldKey();
  const began = performance.now();
  let text = "";
  const tell = (words, kind) => Object.assign(outcome, { textContent: words, className: `outcome ${kind}` });
  tell("…", "");
  stop.hidden = false;
  try {
    const response = await fetch(url, {
      method: method.toUpperCase(), body, cache: "no-store", signal: ending.signal,
      headers: key ? { ...headers, "X-API-Key": key } : headers,
    });
    const type = response.headers.get("Content-Type") ?? "";
    const level = response.headers.get("X-Cache");
    const told = [`${response.status} ${response.statusText}`, `${Math.round(performance.now() - began)} ms`, type.split(";")[0],
      level && `X-Cache: ${level}`].filter(Boolean);
    tell(told.join(" · "), response.ok ? "good" : "bad");
    answer.hidden = false;
    for await (const part of texts(response)) {
      text += part;
      if (type.startsWith(STREAM)) answer.textContent = text.slice(-SHOWN_CHARACTERS);
    }
    if (text.length > SHOWN_CHARACTERS) tell(`${outcome.textContent} · the first ${SHOWN_CHARACTERS} characters`, outcome.className);
    answer.textContent = (type.includes("json") && !type.includes("ndjson") ? indented(text) : text).slice(0, SHOWN_CHARACTERS);
  } catch (error) {
    if (!ending.signal.aborted) tell(`No answer: ${error.message}`, "bad");
  } finally {
    stop.hidden = true;
  }
}

async function* texts(response) {
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield decoder.decode(part.value, { stream: true });
}

/** Return JSON on several lines. It is not parsed, because numbers must keep their digits. */
export function indented(text) {
  let depth = 0;
  let out = "";
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "{" || token === "[") {
      depth += 1;
      out += token + line();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      out += line() + token;
    } else out += token === "," ? `,${line()}` : token === ":" ? ": " : token;
  }
  return out;
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed here";
  }
}
