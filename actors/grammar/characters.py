"""Classes of characters that preparing a text tells apart (catalogue, section 2)."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

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


def _codes_of_categories() -> Mapping[str, Sequence[int]]:
    found = defaultdict(list)
    # the last range holds the invisible tags
    for code in (*range(0x80, 0x20000), *range(0xE0000, 0xE0080)):
        found[unicodedata.category(chr(code))].append(code)
    return found


# asking Python for the category of each code point once, not once a class, halves the time of this module
_CODES = _codes_of_categories()


def _pictographs(codes: Mapping[str, Sequence[int]]) -> Iterator[int]:
    """Yield emoji, arrows and bullets, without the symbols that mean something in a price line."""
    yield from codes["So"]
    yield from map(ord, BULLETS)
    # skin tones; the others are accents that stand alone
    yield from (code for code in codes["Sk"] if code > 0x1F000)
    yield from (code for code in codes["Sm"] if any(first <= code <= last for first, last in _SHAPES))
    # emoji younger than the Unicode tables of this Python
    yield from (code for code in codes["Cn"] if 0x1F000 <= code <= 0x1FBFF)


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


def _is_odd(char: str) -> bool:
    """Tell the numbers that are no part of a figure (section 5.5)."""
    form = unicodedata.decomposition(char).partition(" ")[0]
    return form in {"<super>", "<sub>", "<circle>", "<fraction>"} or "CIRCLED" in unicodedata.name(char, "")


ODD_CHARS = char_class(code for code in _CODES["No"] if _is_odd(chr(code)))
INVISIBLE = char_class((*_CODES["Cf"], *_VARIATION_SELECTORS, _KEYCAP))
# marks, and letters that begin with one
JOINING = char_class(
    code for name in ("Lm", "Lo", "Mc", "Me", "Mn") for code in _CODES[name] if _is_joining(chr(code))
)
#: emoji, arrows, bullets and the like, as code points
PICTOGRAPHS = sorted(set(_pictographs(_CODES)))
del _CODES  # 130,000 numbers
