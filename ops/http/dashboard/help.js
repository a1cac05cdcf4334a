// What the signs of the list mean, for who sees it for the first time.

import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { priceLineLarge } from "./priceline.js";

/** A signal with every sign: stop, range of entry, a target that was reached, and the final one. */
const EXAMPLE = {
  status: "target_1",
  now: { entryMin: "10.40", entryMax: "10.70", stop: "10.00" },
  ladder: [
    { number: 1, price: "11.30", reached: true, final: false },
    { number: 2, price: "12.00", reached: false, final: true },
  ],
};
const WIDTH = 340;
const TEXTS = ["line", "prices", "ratio", "status", "row", "news", "files"];

/** Make the button open the explanations, in the language of that moment. */
export function setUpHelp() {
  byId("help").addEventListener("click", () => {
    byId("help-body").replaceChildren(
      priceLineLarge(EXAMPLE, WIDTH),
      ...TEXTS.map((name) => h("p", {}, t(`help.${name}`))),
    );
    byId("help-dialog").showModal();
  });
}
