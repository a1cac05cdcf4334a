// Draws openapi.json: no library, nothing from elsewhere. Texts are set as text, never as markup.

import { heldKey, useKey } from "../assets/api.js";
import { byId, h } from "../assets/dom.js";
import { resolved, typeText } from "./schema.js";
import { trial } from "./trying.js";

// What stands between backticks is code; all else is text.
const worded = (text) => text.split(/`([^`\n]+)`/).map((part, index) => (index % 2 ? h("code", {}, part) : part));

function answers(document_, operation) {
  return Object.entries(operation.responses).flatMap(([status, given]) => {
    const answer = resolved(document_, given);
    const content = status.startsWith("2") ? Object.entries(answer.content ?? {}) : [];
    return [
      h("p", {}, h("code", {}, status), " ", ...worded(answer.description)),
      ...content.map(([type, { schema }]) => h("pre", { tabindex: "0" }, `${type}\n${typeText(document_, schema)}`)),
    ];
  });
}

function operationOf(document_, path, method, operation) {
  const made = h("details", { class: "panel operation", id: operation.operationId },
    h("summary", {},
      h("span", { class: `method ${method}` }, method.toUpperCase()),
      h("span", { class: "path" }, path),
      h("span", { class: "about" }, ...worded(operation.summary)),
      operation.security.length > 0 && h("span", { class: "key" }, "needs the API key")));
  made.addEventListener("toggle", () => {
    // the page's address is that of what was opened last
    if (made.open) history.replaceState(null, "", `#${made.id}`);
    if (made.querySelector(".inside")) return;
    made.append(h("div", { class: "inside" },
      trial(document_, path, method, operation, worded),
      h("h3", {}, "Answers"), ...answers(document_, operation)));
  });
  made.dataset.words = `${method} ${path} ${operation.operationId} ${operation.summary}`.toLowerCase();
  return made;
}

function groupOf(document_, { name, description }) {
  const operations = Object.entries(document_.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => operation.tags.includes(name))
      .map(([method, operation]) => operationOf(document_, path, method, operation)));
  return h("section", { class: "group" }, h("h2", {}, name), h("p", {}, ...worded(description)), ...operations);
}

function contentsOf(groups) {
  return groups.flatMap((group) => [
    h("h2", {}, group.querySelector("h2").textContent),
    ...[...group.querySelectorAll("details")].map(({ id }) => h("a", { href: `#${id}` }, id)),
  ]);
}

function openNamed() {
  const named = byId(location.hash.slice(1));
  if (named?.matches("details")) {
    named.open = true;
    named.scrollIntoView();
  }
}

function find(groups, text) {
  const words = text.toLowerCase();
  for (const group of groups) {
    const operations = [...group.querySelectorAll("details")];
    for (const one of operations) one.hidden = !one.dataset.words.includes(words);
    group.hidden = operations.every((one) => one.hidden);
  }
}

function draw(document_) {
  byId("about").replaceChildren(...worded(`Version ${document_.info.version}. ${document_.info.description}`));
  const groups = document_.tags.map((tag) => groupOf(document_, tag));
  byId("operations").replaceChildren(...groups);
  byId("contents").replaceChildren(...contentsOf(groups));
  byId("find").addEventListener("input", (event) => find(groups, event.target.value));
  byId("key").value = heldKey() ?? "";
  byId("key").addEventListener("input", (event) => useKey(event.target.value || null));
  addEventListener("hashchange", openNamed);
  openNamed();
}

fetch("openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(draw)
  .catch((error) => {
    byId("operations").textContent = `openapi.json could not be read: ${error.message}`;
  });
