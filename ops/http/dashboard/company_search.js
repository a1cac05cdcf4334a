// Finds assets by the names of their companies, and says which company an asset belongs to.

import { COMPANIES, SOURCE } from "./companies.js";
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";

const LEAST = 2;
/** "ação" and "ACAO" are the same to who searches. */
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

const BY_ROOT = Object.fromEntries(Object.entries(COMPANIES).map(([asset, name]) => [asset.slice(0, 4), name]));

/** Return the company of a share, also of its fractional code and of its options, or null. */
export const companyOf = (asset) =>
  /^[A-Z][A-Z0-9]{3}(\d{1,2}F?|[A-X]\d{1,4}(W[1-5])?E?)$/.test(asset) ? (BY_ROOT[asset.slice(0, 4)] ?? null) : null;

/** Return [name, assets] of the companies with a word that begins as the text does. */
export function findCompanies(text) {
  const wanted = folded(text.trim());
  if (wanted.length < LEAST) return [];
  const found = new Map();
  for (const [asset, name] of Object.entries(COMPANIES))
    if (` ${folded(name)}`.includes(` ${wanted}`)) found.set(name, [...(found.get(name) ?? []), asset]);
  return [...found];
}

/** Offer the assets of the companies that are named in the search or in the asset's field. */
export function showCompanies(filters) {
  const { search, asset } = filters.values;
  const found = [...findCompanies(search), ...findCompanies(asset)];
  const box = byId("companies");
  const shown = JSON.stringify([found, t("companies.title")]);
  if (box.dataset.shown === shown) return;
  box.dataset.shown = shown;
  box.hidden = found.length === 0;
  const pick = (one) =>
    h("button", { type: "button", class: "button", onclick: () => filters.chooseAsset(one) }, one);
  box.replaceChildren(
    h("span", { title: SOURCE }, t("companies.title")),
    ...found.flatMap(([name, assets]) => [h("span", {}, name), ...assets.map(pick)]),
  );
}
