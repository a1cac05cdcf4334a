"""Preparing a text (catalogue, section 2): what the grammar reads, and where it stands in the raw text.

Preparing is a row of substitutions. Each remembers where it moved the text, so that any place of
the prepared text leads back to its place in the raw one.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .characters import (
    BULLETS,
    CHECKS,
    DASHES,
    INVISIBLE,
    JOINING,
    ODD_CHARS,
    PICTOGRAPHS,
    TAGS,
    char_class,
)

__all__ = ["CHECK", "ODD", "ODD_END", "Prepared", "fold", "is_blank", "prepare"]

#: the one mark that stands for every check mark in a prepared text (sections 9.5 and 9.6)
CHECK = "✅"

#: stand around the digits of a superscript, circled digit, fraction or keycap, which join no others (5.5)
ODD, ODD_END = "\ue000", "\ue001"

# At most 30 marks per base character, as in Unicode's stream-safe format (UAX 15): a longer row of
# them has no meaning, and ordering it canonically would take quadratic time.
_CLUSTER = re.compile(rf"[\s\S][{JOINING}]{{1,30}}|[^\x00-\x7f]")
_INVISIBLE_OR_BLANK = re.compile(rf"[{INVISIBLE}]+|\r\n?|[\u2028\u2029]|[^\S\n\t ]")
#: what the pattern above may begin with, as one class, which is much quicker to seek
_RARE_SPACE = re.compile(
    rf"[{INVISIBLE}\r\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
_ODD_DIGIT = re.compile(rf"[{ODD_CHARS}]|[0-9]\ufe0f?\u20e3|[\ue000\ue001\u201a\u066b]")
_MAY_BE_ODD = re.compile(rf"[{ODD_CHARS}\u20e3\ue000\ue001\u201a\u066b]")
#: between two digits these are commas (5.1); elsewhere no more than odd signs
_RARE_COMMA = re.compile(r"(?<=\d)[\u201a\u066b](?=\d)")
#: directly between two digits markup is kept: one `_` is a range sign, all else a foreign sign (5.5)
_SIGNS = r"(?:[*_`]+|~~|\|\|)"
_TAG = rf"</?(?:{TAGS})(?:\s[^<>\n]{{0,500}})?/?>"
_MARKUP = re.compile(
    rf"(?<![0-9*_`]){_SIGNS}|(?<![*_`]){_SIGNS}(?![0-9*_`])"
    rf"|(?<![0-9]){_TAG}|{_TAG}(?![0-9])",
    re.IGNORECASE,
)
_LEGIBLE = re.compile("[A-Za-z0-9]")
#: of these alone most texts are made: only markup, abbreviations and spaces can be left to replace
_ORDINARY = re.compile("[\n\t -~À-ÖØ-öø-ÿ]*")
#: what the markup leaves of them stands between digits
_UNDERSCORES = re.compile("_+")
_MAY_BE_MARKUP = re.compile("[*_`~|<]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SYMBOL = re.compile(
    rf"[{char_class((*map(ord, DASHES), *PICTOGRAPHS))}]",
)
#: between two digits a bullet is a foreign sign (5.5)
_BULLET_IN_FIGURE = re.compile(rf"(?<=[0-9])[{char_class(map(ord, BULLETS))}](?=[0-9])")
#: `T.P`, `S.L.`, `S/L` are tp and sl (section 3)
_MAY_ABBREVIATE = re.compile("[tTsS][./][pPlL]")
_ABBREVIATION = re.compile(r"(?<!\w)([tT])\.([pP])(?![^\W0-9])\.?|(?<!\w)([sS])[./]([lL])(?!\w)\.?")
_SPACES = re.compile(r" {2,}| ?\t[ \t]*")


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
    #: it holds marks that turn the direction of writing (section 2, step 2)
    bidi: bool
    _shifts: tuple[_Shift, ...]

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the raw text, end exclusive, of a non-empty piece of this one."""
        last = end - 1
        for shift in reversed(self._shifts):
            start, last = shift.back(start), shift.back(last)
        return start, last + 1

    def edited(self, edits: Sequence[tuple[int, int, str]]) -> Prepared:
        """Return the text with pieces replaced, given in order: start, end and what stands there instead."""
        pieces: list[str] = []
        shift = _Shift([], [])
        length = done = 0
        for start, end, new in edits:
            pieces += (self.text[done:start], new)
            length += start - done
            shift.made += [*range(length, length + len(new) + 1)]
            shift.taken += [min(start, len(self.text) - 1)] * len(new) + [end]
            length += len(new)
            done = end
        pieces.append(self.text[done:])
        return Prepared("".join(pieces), self.blank, self.bidi, (*self._shifts, shift))


def prepare(raw: str) -> Prepared:
    """Make the copy that is read. Takes linear time; lone surrogates and NUL pass through."""
    shifts: list[_Shift] = []
    ordinary = _ORDINARY.fullmatch(raw) is not None
    text = raw if ordinary else _apply(_LEGIBLE_STEPS, raw, shifts)
    blank = not text.strip()
    text = _apply(_ORDINARY_STEPS if ordinary else _PLAIN_STEPS, text, shifts)
    bidi = not ordinary and _BIDI.search(raw) is not None
    return Prepared(text=text, blank=blank, bidi=bidi, _shifts=tuple(shifts))


def is_blank(raw: str) -> bool:
    """Tell whether nothing legible is in a text: white space and invisible characters only."""
    return _LEGIBLE.search(raw) is None and prepare(raw).blank


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
    """Replace each match and note where the pieces went; no note if nothing moved."""
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
        if len(old) == len(new) == 1:  # nothing moves
            length += 1
        else:
            for _ in new:  # every character of a replacement stands for the start of what it replaced
                made.append(length)
                taken.append(start)
                length += 1
            made.append(length)
            taken.append(end)
        done = end
    if not done:
        return text, None
    pieces.append(text[done:])
    return "".join(pieces), _Shift(made, taken) if made else None


def _compose(cluster: str) -> str:
    composed = unicodedata.normalize("NFKC", cluster)
    # ´ is no space with an accent: between digits it is a foreign sign
    return cluster if composed[0] == " " and not cluster[0].isspace() else composed


def _mark_odd(digit: str) -> str:
    """Part an odd digit, or a rare comma that joins no digits, from its neighbours."""
    if digit in "\u201a\u066b":
        return ODD + ODD_END
    if digit in {ODD, ODD_END}:
        return " "
    value = int(digit[0]) if digit[0] in "0123456789" else unicodedata.numeric(digit)
    return ODD + (str(int(value)) if value == int(value) else "") + ODD_END


def _comma(_sign: str) -> str:
    return ","


def _blank_or_nothing(char: str) -> str:
    if char[0] in "\r\u2028\u2029":
        return "\n"
    return " " if char.isspace() else ""


def _no_markup(_markup: str) -> str:
    return ""


def _plain_underscores(signs: str) -> str:
    return "~" if len(signs) == 1 else "*"


def _has_no_underscore(text: str) -> bool:
    return "_" not in text


def _has_no_rare_comma(text: str) -> bool:
    return "\u201a" not in text and "\u066b" not in text


def _has_no_odd_digit(text: str) -> bool:
    return _MAY_BE_ODD.search(text) is None


def _has_no_markup(text: str) -> bool:
    return _MAY_BE_MARKUP.search(text) is None


def _has_no_bullet(text: str) -> bool:
    return BULLETS.isdisjoint(text)


def _foreign_sign(_bullet: str) -> str:
    return "*"


def _has_no_abbreviation(text: str) -> bool:
    return _MAY_ABBREVIATE.search(text) is None


def _plain_abbreviation(abbreviation: str) -> str:
    return abbreviation[0] + abbreviation[2]


def _plain_symbol(symbol: str) -> str:
    if symbol in DASHES:
        return "-"
    if symbol in CHECKS:
        return f" {CHECK} "
    return "o" if symbol == "°" else " "


def _one_space(spaces: str) -> str:
    return "\t" if "\t" in spaces else " "


def _has_single_spaces(text: str) -> bool:
    return "  " not in text and "\t" not in text


def _has_plain_spaces(text: str) -> bool:
    return _RARE_SPACE.search(text) is None


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
    _Step(_RARE_COMMA, _comma, _has_no_rare_comma),
    _Step(_ODD_DIGIT, _mark_odd, _has_no_odd_digit),
    _Step(_CLUSTER, _compose, _is_composed),
    _Step(_INVISIBLE_OR_BLANK, _blank_or_nothing, _has_plain_spaces),
)
_SIGNS_STEPS = (
    _Step(_MARKUP, _no_markup, _has_no_markup),
    _Step(_UNDERSCORES, _plain_underscores, _has_no_underscore),
)
_ABBREVIATION_STEP = _Step(_ABBREVIATION, _plain_abbreviation, _has_no_abbreviation)
_SPACES_STEP = _Step(_SPACES, _one_space, _has_single_spaces)
#: steps 4 and 5, and the repeated spaces that they leave
_PLAIN_STEPS = (
    *_SIGNS_STEPS,
    _Step(_BULLET_IN_FIGURE, _foreign_sign, _has_no_bullet),
    _ABBREVIATION_STEP,
    _Step(_SYMBOL, _plain_symbol),
    _SPACES_STEP,
)
_ORDINARY_STEPS = (*_SIGNS_STEPS, _ABBREVIATION_STEP, _SPACES_STEP)
