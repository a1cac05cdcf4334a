"""Preparing a text (catalogue, section 2): what the grammar reads, and where it stands in the raw text.

Preparing is a row of substitutions. Each remembers where it moved the text, so that any place of
the prepared text leads back to its place in the raw one.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["CHECK", "Prepared", "fold", "is_blank", "prepare"]

#: the one mark that stands for every check mark in a prepared text (sections 9.5 and 9.6)
CHECK = "✅"

_CHECKS = frozenset("✅✔☑")
_BULLETS = frozenset("•‣◦∙·⁃‧")
_DASHES = frozenset("‐‑‒–—―−")
_VARIATION_SELECTORS = (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_KEYCAP = 0x20E3
#: blocks of arrows and geometric shapes, some of which Unicode calls mathematical
_SHAPES = ((0x2190, 0x21FF), (0x25A0, 0x27BF), (0x27F0, 0x27FF), (0x2900, 0x297F), (0x2B00, 0x2BFF))
_TAGS = (
    "a|b|i|p|s|u|br|em|del|div|ins|pre|sub|sup|big|code|font|span|mark|small|strike|strong"
    "|blockquote|tg-emoji|tg-spoiler|spoiler|h[1-6]|ul|ol|li"
)


def _is_pictograph(char: str) -> bool:
    """Tell emoji, arrows and bullets from the symbols that mean something in a price line."""
    code = ord(char)
    category = unicodedata.category(char)
    if category == "So" or char in _BULLETS:
        return True
    if category == "Sk":  # skin tones; ASCII has only ^ and the backtick
        return code > 0x7F
    if category == "Sm":
        return any(first <= code <= last for first, last in _SHAPES)
    # emoji younger than the Unicode tables of this Python
    return category == "Cn" and 0x1F000 <= code <= 0x1FBFF


def _is_joining(char: str) -> bool:
    """Tell the characters that NFKC may fuse with the one before."""
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.category(first)[0] == "M" or 0x1160 <= ord(first) <= 0x11FF


def _char_class(codes: Iterable[int]) -> str:
    """Write code points as the inside of a regular expression's character class."""
    ranges: list[list[int]] = []
    for code in sorted(set(codes)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


def _codes(test: Callable[[str], bool], start: int = 0x80, stop: int = 0x20000) -> list[int]:
    return [code for code in range(start, stop) if test(chr(code))]


_INVISIBLE = _char_class(
    (
        *_codes(lambda char: unicodedata.category(char) == "Cf"),
        *_codes(lambda char: unicodedata.category(char) == "Cf", 0xE0000, 0xE0080),
        *_VARIATION_SELECTORS,
        _KEYCAP,
    )
)
_JOINING = _char_class(_codes(_is_joining, 0x300))

# At most 30 marks per base character, as in Unicode's stream-safe format (UAX 15): a longer row of
# them has no meaning, and ordering it canonically would take quadratic time.
_CLUSTER = re.compile(rf"[\s\S][{_JOINING}]{{1,30}}|[^\x00-\x7f]")
_INVISIBLE_OR_BLANK = re.compile(rf"[{_INVISIBLE}]+|\r\n?|[\u2028\u2029]|[^\S\n ]")
_MARKUP = re.compile(rf"[*_`]+|~~|\|\||</?(?:{_TAGS})(?:\s[^<>\n]{{0,500}})?/?>", re.IGNORECASE)
_SYMBOL = re.compile(
    rf"[{_char_class((*map(ord, _DASHES), *_codes(_is_pictograph, 0xA0)))}]",
)
_SPACES = re.compile(r" {2,}")


@dataclass(slots=True)
class _Shift:
    """Where one substitution moved the text: ``made[i]`` of its result stood at ``taken[i]``."""

    made: list[int]
    taken: list[int]

    def back(self, position: int) -> int:
        i = bisect_right(self.made, position) - 1
        return position if i < 0 else self.taken[i] + position - self.made[i]


@dataclass(slots=True)
class Prepared:
    """A prepared text, with the way back to the raw one."""

    text: str
    #: nothing was left after steps 1 to 3 of section 2: the message is empty
    blank: bool
    _shifts: tuple[_Shift, ...]

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the raw text, end exclusive, of a non-empty piece of this one."""
        last = end - 1
        for shift in reversed(self._shifts):
            start, last = shift.back(start), shift.back(last)
        return start, last + 1


def prepare(raw: str) -> Prepared:
    """Make the copy that is read. Takes linear time; lone surrogates and NUL pass through."""
    shifts: list[_Shift] = []
    text = _apply(_LEGIBLE_STEPS, raw, shifts)
    blank = not text.strip()
    text = _apply(_PLAIN_STEPS, text, shifts)
    return Prepared(text=text, blank=blank, _shifts=tuple(shifts))


def is_blank(raw: str) -> bool:
    """Tell whether nothing legible is in a text: white space and invisible characters only."""
    return not raw.strip() or (not raw[0].isalnum() and prepare(raw).blank)


def fold(word: str) -> str:
    """Write a word as words are compared: without case and without accents.

    >>> fold("ATÉ")
    'ate'
    """
    word = word.lower()
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _substitute(
    pattern: re.Pattern[str], replace: Callable[[str], str], text: str
) -> tuple[str, _Shift | None]:
    """Replace each match and note where the pieces went; no note if nothing changed."""
    pieces: list[str] = []
    made: list[int] = []
    taken: list[int] = []
    length = done = 0
    for match in pattern.finditer(text):
        old = match.group()
        new = replace(old)
        if new == old:
            continue
        start, end = match.span()
        pieces += (text[done:start], new)
        length += start - done
        for _ in new:  # every character of a replacement stands for the start of what it replaced
            made.append(length)
            taken.append(start)
            length += 1
        made.append(length)
        taken.append(end)
        done = end
    if not made:
        return text, None
    pieces.append(text[done:])
    return "".join(pieces), _Shift(made, taken)


def _compose(cluster: str) -> str:
    return unicodedata.normalize("NFKC", cluster)


def _blank_or_nothing(char: str) -> str:
    if char[0] in "\r\u2028\u2029":
        return "\n"
    return " " if char.isspace() else ""


def _nothing(_markup: str) -> str:
    return ""


def _plain_symbol(symbol: str) -> str:
    if symbol in _DASHES:
        return "-"
    if symbol in _CHECKS:
        return f" {CHECK} "
    return "o" if symbol == "°" else " "


def _one_space(_spaces: str) -> str:
    return " "


def _is_composed(text: str) -> bool:
    return unicodedata.is_normalized("NFKC", text)


def _apply(steps: tuple[_Step, ...], text: str, shifts: list[_Shift]) -> str:
    for step in steps:
        if step.unneeded is not None and step.unneeded(text):
            continue
        text, shift = _substitute(step.pattern, step.replace, text)
        if shift is not None:
            shifts.append(shift)
    return text


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of section 2: what it seeks, what it puts there, and a cheap test that it has nothing to do."""

    pattern: re.Pattern[str]
    replace: Callable[[str], str]
    unneeded: Callable[[str], bool] | None = None


#: steps 1 to 3: a text of which they leave nothing is empty
_LEGIBLE_STEPS = (
    _Step(_CLUSTER, _compose, _is_composed),
    _Step(_INVISIBLE_OR_BLANK, _blank_or_nothing),
)
#: steps 4 and 5, and the repeated spaces that they leave
_PLAIN_STEPS = (
    _Step(_MARKUP, _nothing),
    _Step(_SYMBOL, _plain_symbol, str.isascii),
    _Step(_SPACES, _one_space),
)
