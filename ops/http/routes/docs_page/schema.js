// Schemas of the document in the short form people write types in: `{ id: integer, targets: number[] }`.

/** Return what a node of the document is, also behind a reference. */
export const resolved = (document_, node) =>
  node && node.$ref
    ? node.$ref.slice(2).split("/").reduce((place, part) => place[part], document_)
    : node;

const nameOf = (schema) => schema.$ref?.split("/").pop();

/** Return a schema's text, followed by each long enumeration that it names. */
export function typeText(document_, schema) {
  const named = new Map();
  const text = written(document_, schema, "", named);
  return [text, ...[...named].map(([name, words]) => `${name} = ${words}`)].join("\n\n");
}

function written(document_, given, indent, named) {
  if (!given || Object.keys(given).length === 0) return "any";
  const schema = resolved(document_, given);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) {
    const words = schema.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (!given.$ref || schema.enum.length < 6) return words;
    named.set(nameOf(given), words);
    return nameOf(given);
  }
  if (schema.anyOf) return schema.anyOf.map((one) => written(document_, one, indent, named)).join(" | ");
  if (schema.type === "array") {
    const item = written(document_, schema.items, indent, named);
    return item.includes(" | ") && !item.startsWith("{") ? `(${item})[]` : `${item}[]`;
  }
  if (schema.type === "object" && schema.properties) {
    const inner = `${indent}  `;
    const required = schema.required ?? [];
    const lines = Object.entries(schema.properties).map(([name, value]) => {
      const words = value.description ? `  // ${value.description}` : "";
      return `${inner}${name}${required.includes(name) ? "" : "?"}: ${written(document_, value, inner, named)}${words}`;
    });
    return `{\n${lines.join("\n")}\n${indent}}`;
  }
  if (schema.type === "object") {
    const value = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
    return `{ [name]: ${written(document_, value, indent, named)} }`;
  }
  const limits = [
    schema.minimum === undefined ? null : `from ${schema.minimum}`,
    schema.maximum === undefined ? null : `to ${schema.maximum}`,
    schema.maxLength === undefined ? null : `at most ${schema.maxLength} characters`,
  ].filter(Boolean).join(" ");
  return [schema.format ?? schema.type ?? "any", limits].filter(Boolean).join(" ");
}

/** Return a value that fits a schema, to begin with. */
export function sample(document_, given) {
  const schema = resolved(document_, given);
  if (schema.default !== undefined) return schema.default;
  if (schema.examples) return schema.examples[0];
  if (schema.anyOf) return sample(document_, schema.anyOf[0]);
  if (schema.enum) return schema.enum[0];
  if (schema.type === "object") {
    const all = Object.entries(schema.properties ?? {});
    return Object.fromEntries(all.map(([name, one]) => [name, sample(document_, one)]));
  }
  return { integer: 1, number: 1, boolean: false, array: [] }[schema.type] ?? "";
}
