// A signal in words for somebody else: copied as text, or shared by a phone's own menu.

import { h } from "./dom.js";
import { instant, price } from "./format.js";
import { t } from "./i18n.js";
import { targetName } from "./priceline.js";

/** Return the address that opens this signal for anybody. */
export const linkOf = (signal) => new URL(`./s/${signal.id}`, document.baseURI).href;

/** Return the signal as posted, line by line, with its time and its address. */
export function asText(signal) {
  const { entryMin, entryMax, stop, targets, final } = signal;
  const [low, high] = [entryMin ?? entryMax, entryMax ?? entryMin];
  const lines = [
    `${signal.asset} · ${t(`side.${signal.side}`)} · ${signal.type}`,
    `${t("entry")}: ${low === high ? price(low) : t("range", price(low), price(high))}`,
    ...targets.map((target, index) => `${t("targetN", index + 1)}: ${price(target)}`),
    final !== null && final !== targets.at(-1) && `${t("targetFinal")}: ${price(final)}`,
    `${t("stop")}: ${price(stop)}`,
    `${t("detail.sent")}: ${instant(signal.ts)}`,
    linkOf(signal),
  ];
  return lines.filter(Boolean).join("\n");
}

/** Return the buttons of an opened row. A browser that cannot share has the other two. */
export function shareButtons(signal) {
  const told = h("span", { class: "quiet", role: "status" });
  const copy = (text) => async () => {
    try {
      await navigator.clipboard.writeText(text);
      told.textContent = t("share.copied");
    } catch {
      // not allowed, or not over HTTPS: the reader copies it by hand
      const attributes = { class: "copy-text", readonly: true, rows: "7", "aria-label": t("share.copy") };
      told.replaceChildren(h("textarea", attributes, text));
      told.firstChild.select();
    }
  };
  const share = () =>
    navigator.share({ title: signal.asset, text: asText(signal) }).catch(() => {
      // the reader closed the menu
    });
  const button = (key, onclick) => h("button", { type: "button", class: "button", onclick }, t(key));
  return h(
    "p",
    { class: "share" },
    navigator.share && button("share.share", share),
    button("share.copy", copy(asText(signal))),
    button("share.link", copy(linkOf(signal))),
    told,
  );
}
