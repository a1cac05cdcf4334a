// Characters that a reader does not see, or takes for others: a text that shows them hides nothing.

import { h } from "./dom.js";
import { t } from "./i18n.js";

// Controls (line ends and tabs are none), invisible format characters such as bidi marks and zero-width spaces, spaces
// of other widths, digits that are not 0-9, full-width and mathematical letters, and letters of the two scripts that
// look like Latin ones.
const ODD = new RegExp(
  [
    "(?![\\n\\r\\t])\\p{Cc}|\\p{Cf}|\\p{Zl}|\\p{Zp}|(?![ \\u00a0])\\p{Zs}",
    "(?![0-9])\\p{Nd}|[\\uff01-\\uff5e\\u{1d400}-\\u{1d7ff}\\u3164\\u115f\\u1160\\u2800]",
    "\\p{Script=Cyrillic}|\\p{Script=Greek}",
  ].join("|"),
  "u",
);
const PICTURE = /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f/u;

/** Return the text cut at its odd characters: [text, null] or [character, "U+202E"]. */
export function oddPieces(text) {
  const points = Array.from(text);
  const pieces = [];
  points.forEach((point, index) => {
    if (isOdd(points, index)) {
      pieces.push([point, `U+${point.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`]);
    } else if (pieces.length > 0 && pieces.at(-1)[1] === null) {
      pieces.at(-1)[0] += point;
    } else {
      pieces.push([point, null]);
    }
  });
  return pieces;
}

/** Return nodes of the text. Invisible characters are replaced by their number, so that none can turn the text around. */
export function visibleText(text) {
  return oddPieces(text).map(([piece, code]) =>
    code === null
      ? piece
      : h("span", { class: "odd", title: t("odd.title", code) }, /[\p{L}\p{N}]/u.test(piece) ? `${piece} ${code}` : code),
  );
}

/** How many odd characters a text has. */
export const countOdd = (text) => oddPieces(text).filter(([, code]) => code !== null).length;

/** A zero-width joiner between two pictures is a part of an emoji. */
function isOdd(points, index) {
  const point = points[index];
  if (point === "\u200d")
    return !(PICTURE.test(points[index - 1] ?? "") && PICTURE.test(points[index + 1] ?? ""));
  return ODD.test(point);
}
