// Draws /openapi.json: no library, nothing from elsewhere. Texts are set as text, never as markup.
"use strict";

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

// What stands between backticks is code; all else is text.
const worded = (text) =>
  text.split(/`([^`\n]+)`/).map((part, index) => (index % 2 ? element("code", { textContent: part }) : part));

const resolve = (document_, node) =>
  node && node.$ref
    ? node.$ref.slice(2).split("/").reduce((place, part) => place[part], document_)
    : node;

// A schema in the short form people write types in: `{ id: integer, targets: number[] }`.
function typeText(document_, schema, indent, seen) {
  if (!schema || Object.keys(schema).length === 0) return "any";
  if (schema.$ref) {
    if (seen.includes(schema.$ref)) return schema.$ref.split("/").pop();
    return typeText(document_, resolve(document_, schema), indent, [...seen, schema.$ref]);
  }
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((one) => typeText(document_, one, indent, seen)).join(" | ");
  if (schema.type === "array") {
    const item = typeText(document_, schema.items, indent, seen);
    return item.includes(" | ") && !item.startsWith("{") ? `(${item})[]` : `${item}[]`;
  }
  if (schema.type === "object" && schema.properties) {
    const inner = `${indent}  `;
    const required = schema.required ?? [];
    const lines = Object.entries(schema.properties).map(([name, value]) => {
      const words = value.description ? `  // ${value.description}` : "";
      return `${inner}${name}${required.includes(name) ? "" : "?"}: ${typeText(document_, value, inner, seen)}${words}`;
    });
    return `{\n${lines.join("\n")}\n${indent}}`;
  }
  if (schema.type === "object") {
    const value = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
    return `{ [name]: ${typeText(document_, value, indent, seen)} }`;
  }
  const limits = [
    schema.minimum === undefined ? null : `from ${schema.minimum}`,
    schema.maximum === undefined ? null : `to ${schema.maximum}`,
    schema.maxLength === undefined ? null : `at most ${schema.maxLength} characters`,
  ].filter(Boolean).join(" ");
  return [schema.format ?? schema.type ?? "any", limits].filter(Boolean).join(" ");
}

function parameterTable(document_, parameters) {
  const rows = parameters.map((parameter) => {
    const schema = parameter.schema;
    const preset = schema.default === undefined ? "" : ` (default ${schema.default})`;
    return element("tr", {},
      element("td", {}, element("code", { textContent: parameter.name })),
      element("td", { textContent: parameter.in }),
      element("td", { textContent: typeText(document_, schema, "", []) + preset }),
      element("td", {}, ...worded(parameter.description ?? "")));
  });
  const head = ["name", "in", "type", "meaning"].map((text) => element("th", { scope: "col", textContent: text }));
  return element("div", { className: "scroll" },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)));
}

function contents(document_, content) {
  return Object.entries(content ?? {}).map(([mediaType, { schema }]) =>
    element("pre", {}, ...worded(`${mediaType}\n${typeText(document_, schema, "", [])}`)));
}

function operationDetails(document_, path, method, operation) {
  const title = element("summary", {},
    element("span", { className: `method ${method}`, textContent: method.toUpperCase() }),
    element("span", { className: "path", textContent: path }),
    element("span", {}, ...worded(operation.summary)));
  if (operation.security.length) title.append(element("span", { className: "key" }));
  const parts = [];
  if (method === "get" && !path.includes("{")) {
    parts.push(element("p", {}, element("a", { href: path, textContent: `open ${path}` })));
  }
  if (operation.parameters.length) {
    parts.push(element("h3", { textContent: "Parameters" }), parameterTable(document_, operation.parameters));
  }
  if (operation.requestBody) {
    parts.push(element("h3", { textContent: "Body" }), ...contents(document_, operation.requestBody.content));
  }
  for (const [status, given] of Object.entries(operation.responses)) {
    const answer = resolve(document_, given);
    parts.push(element("h3", {}, ...worded(`${status} ${answer.description}`)));
    if (status.startsWith("2")) parts.push(...contents(document_, answer.content));
  }
  const made = element("details", {}, title, ...parts);
  made.dataset.words = `${method} ${path} ${operation.summary} ${operation.tags}`.toLowerCase();
  return made;
}

function draw(document_) {
  document.getElementById("about").replaceChildren(
    ...worded(`Version ${document_.info.version}. ${document_.info.description}`));
  const byTag = new Map();
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const tag = operation.tags[0];
      byTag.set(tag, [...(byTag.get(tag) ?? []), operationDetails(document_, path, method, operation)]);
    }
  }
  const sections = [...byTag].map(([tag, operations]) =>
    element("section", {}, element("h2", { textContent: tag }), ...operations));
  document.getElementById("operations").replaceChildren(...sections);
  document.getElementById("find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase();
    for (const section of sections) {
      const operations = [...section.querySelectorAll("details")];
      for (const one of operations) one.hidden = !one.dataset.words.includes(words);
      section.hidden = operations.every((one) => one.hidden);
    }
  });
}

fetch("openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(draw)
  .catch((error) => {
    document.getElementById("operations").textContent = `openapi.json could not be read: ${error.message}`;
  });
