"""Classes of characters that preparing a text tells apart (catalogue, section 2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

__all__ = [
    "BULLETS",
    "CHECKS",
    "DASHES",
    "INVISIBLE",
    "JOINING",
    "ODD_CHARS",
    "PICTOGRAPHS",
    "TAGS",
    "char_class",
]

CHECKS = frozenset("✅✔☑")
BULLETS = frozenset("•‣◦∙·⁃‧")
DASHES = frozenset("‐‑‒–—―−")
_VARIATION_SELECTORS = (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_KEYCAP = 0x20E3
#: blocks of arrows and geometric shapes, some of which Unicode calls mathematical
_SHAPES = ((0x2190, 0x21FF), (0x25A0, 0x27BF), (0x27F0, 0x27FF), (0x2900, 0x297F), (0x2B00, 0x2BFF))
TAGS = (
    "a|b|i|p|s|u|br|em|del|div|ins|pre|sub|sup|big|code|font|span|mark|small|strike|strong"
    "|blockquote|tg-emoji|tg-spoiler|spoiler|h[1-6]|ul|ol|li"
)


def _is_pictograph(char: str) -> bool:
    """Tell emoji, arrows and bullets from the symbols that mean something in a price line."""
    code = ord(char)
    category = unicodedata.category(char)
    if category == "So" or char in BULLETS:
        return True
    if category == "Sk":  # skin tones; the others are accents that stand alone
        return code > 0x1F000
    if category == "Sm":
        return any(first <= code <= last for first, last in _SHAPES)
    # emoji younger than the Unicode tables of this Python
    return category == "Cn" and 0x1F000 <= code <= 0x1FBFF


def _is_joining(char: str) -> bool:
    """Tell the characters that NFKC may fuse with the one before."""
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.category(first)[0] == "M" or 0x1160 <= ord(first) <= 0x11FF


def char_class(codes: Iterable[int]) -> str:
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


def _is_odd(char: str) -> bool:
    """Tell the digits that are no part of a figure (section 5.5)."""
    if unicodedata.category(char) != "No":
        return False
    form = unicodedata.decomposition(char).partition(" ")[0]
    return form in {"<super>", "<sub>", "<circle>", "<fraction>"} or "CIRCLED" in unicodedata.name(char, "")


ODD_CHARS = char_class(_codes(_is_odd))
INVISIBLE = char_class(
    (
        *_codes(lambda char: unicodedata.category(char) == "Cf"),
        *_codes(lambda char: unicodedata.category(char) == "Cf", 0xE0000, 0xE0080),
        *_VARIATION_SELECTORS,
        _KEYCAP,
    )
)
JOINING = char_class(_codes(_is_joining, 0x300))
#: emoji, arrows, bullets and the like, as code points
PICTOGRAPHS = _codes(_is_pictograph, 0xA0)
