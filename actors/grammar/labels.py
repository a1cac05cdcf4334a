"""Finding the labels of a message (catalogue, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from .lexicon import (
    ENTRY_FIELDS,
    FINAL_WORDS,
    ORDINALS,
    ORDINALS_BEHIND,
    PLURAL_TARGETS,
    ROMANS,
    TRIGGERS,
    UNDERLYING_WORDS,
    Field,
    Need,
)
from .links import price_after
from .message import Message
from .tokens import Token, TokenKind

__all__ = ["Label", "final_at", "find_labels", "leading_number"]

_COLONS = frozenset(":=")
_MOST_NUMBERED = 9


@dataclass(slots=True)
class Label:
    """A label at tokens ``start``..``end``, with the ordinal, index and `final` around it.

    ``head`` is the first token of the label's own words.
    """

    field: str
    start: int
    head: int
    end: int
    index: int | None = None
    #: the number before it at the start of its line, its index if it has no other
    lead: int | None = None
    final: bool = False
    plural: bool = False
    #: tp is a label only if an index or a price follows
    tp: bool = False
    #: an ordinal that stands for a target only if a price follows (15)
    ordinal: bool = False
    #: gatilho, disparo: only where no other entry label has a price
    trigger: bool = False
    #: a target `parcial` without a number, which comes first
    partial: bool = False

    @property
    def is_entry(self) -> bool:
        return self.field in ENTRY_FIELDS


def find_labels(message: Message) -> list[Label]:
    """Find all labels in text order, whether they will count or not."""
    items, known = message.items, message.vocabulary.labels
    beginnings = message.vocabulary.label_beginnings
    labels: list[Label] = []
    end = 0
    for i in [i for i, token in enumerate(items) if token.word in beginnings]:
        if i < end or items[i].kind is not TokenKind.WORD:
            continue
        label = None
        ends = known.get(items[i].word)
        if ends is not None:
            label = _match(message, i, ends)
        elif labels and labels[-1].field is Field.TARGET:
            label = _ordinal(message, i, labels[-1])
        if label is not None:
            labels.append(label)
            end = label.end
    return labels


def _match(message: Message, i: int, ends: tuple[tuple[tuple[str, ...], str, str], ...]) -> Label | None:
    items = message.items
    for rest, field, need in ends:
        end = _words_at(items, i + 1, rest) if rest else i + 1
        if end is None:
            continue
        if need is Need.NUMBER:
            return _numbered(message, i)
        if need is Need.COLON and _word_at(items, end) not in _COLONS:
            continue
        if field is Field.TARGET:
            return _target_label(message, i, end)
        if field is Field.ASSET:
            after = _word_at(items, end)
            if after == "-":  # ativo-objeto
                after = _word_at(items, end + 1)
            return None if after in UNDERLYING_WORDS else Label(field, i, i, end)
        if field in ENTRY_FIELDS and _is_no_entry(items, i, end):
            return None
        return Label(field, i, i, end, trigger=items[i].word in TRIGGERS)
    return None


def _numbered(message: Message, i: int) -> Label | None:
    """Match `Parcial 1: 22,90`, `T1 42,60`, `Saída 2 30,10`, and `Parcial: 22,90`."""
    items = message.items
    if _word_at(items, i) == "parcial" and _word_at(items, i + 1) in _COLONS:
        return Label(Field.TARGET, i, i, i + 1, partial=True)
    number = items[i + 1].number if i + 1 < len(items) else None
    if number is None or number.small is None or not 1 <= number.small <= _MOST_NUMBERED:
        return None
    behind = i + 2
    if _word_at(items, behind) not in _COLONS and price_after(items, behind) is None:
        return None
    return Label(Field.TARGET, i, i, behind, index=number.small)


def _ordinal(message: Message, i: int, last: Label) -> Label | None:
    """Match an ordinal that stands for a target: behind one in its sentence, or on the next line of a list."""
    items = message.items
    here, there = items[i].line, items[last.head].line
    if message.clause_of[i] != message.clause_of[last.head] and not (
        message.begins_line(i) and message.follows_line(here, there)
    ):
        return None
    if not items[i].word.isalpha():
        return None
    return Label(Field.TARGET, i, i, i + 1, index=message.vocabulary.ordinals[items[i].word], ordinal=True)


def _target_label(message: Message, i: int, end: int) -> Label:
    """Take in what belongs to a target label: an ordinal, number or `final` before it, index or `final` behind."""
    items = message.items
    label = Label(
        Field.TARGET,
        start=i,
        head=i,
        end=end,
        plural=items[end - 1].word in PLURAL_TARGETS,
        tp=items[i].word == "tp",
    )
    _take_before(message, label)
    if end < len(items) and items[end].kind is TokenKind.INDEX:
        number = items[end].number
        label.index = number.small if number is not None else None
        label.end = end + 1
    elif label.index is None and not label.plural:
        _take_behind(items, label)
    behind = final_at(items, label.end)
    if behind is not None:
        label.final = True
        label.end = behind
    label.lead = leading_number(message, label.start)
    return label


def _take_before(message: Message, label: Label) -> None:
    items, ordinals = message.items, message.vocabulary.ordinals
    while label.start > 0 and items[label.start - 1].kind is TokenKind.WORD:
        before = items[label.start - 1].word
        if before in FINAL_WORDS and not label.final:
            label.final = True
        elif before in ordinals and label.index is None:
            label.index = ordinals[before]
        else:
            break
        label.start -= 1


def _take_behind(items: list[Token], label: Label) -> None:
    """Take `1º`, `1ª` or, before a colon, `II` behind a singular label."""
    word = _word_at(items, label.end)
    if word in ORDINALS_BEHIND:
        label.index = ORDINALS_BEHIND[word]
    elif word in ROMANS and _word_at(items, label.end + 1) in _COLONS:
        label.index = ROMANS[word]
    else:
        return
    label.end += 1


def leading_number(message: Message, i: int) -> int | None:
    """Return the number or keycap that stands between the start of its line and token i."""
    items = message.items
    start = message.tokens.lines[items[i].line][0] if i < len(items) else i
    while start < i and items[start].kind is TokenKind.SIGN:
        start += 1
    if start >= i or any(token.kind is not TokenKind.SIGN for token in items[start + 1 : i]):
        return None
    if any(token.word in _COLONS for token in items[start + 1 : i]):
        return None
    number = items[start].number
    small = number.small if number is not None and items[start].kind in _NUMBERS else None
    return small if small is not None and 1 <= small <= _MOST_INDEX else ORDINALS.get(items[start].word)


_NUMBERS = frozenset((TokenKind.PRICE, TokenKind.INDEX))
_MOST_INDEX = 20


def final_at(items: list[Token], i: int) -> int | None:
    """Return the place behind `final` or `(final)` at token i, None if it is not there."""
    word = _word_at(items, i)
    if word in FINAL_WORDS:
        return i + 1
    if word == "(" and _word_at(items, i + 1) in FINAL_WORDS and _word_at(items, i + 2) == ")":
        return i + 3
    return None


def _words_at(items: list[Token], i: int, words: tuple[str, ...]) -> int | None:
    """Match words in a row from token i, a hyphen allowed between them (`stop-loss`)."""
    for word in words:
        if _word_at(items, i) == "-" and items[i - 1].end == items[i].start:
            i += 1
            if i < len(items) and items[i - 1].end != items[i].start:
                return None
        if _word_at(items, i) != word:
            return None
        i += 1
    return i


def _is_no_entry(items: list[Token], i: int, end: int) -> bool:
    """Tell the buy of `Buy & Hold` and the compra of `opções de compra` from entry labels."""
    if items[i].word == "buy":
        while _word_at(items, end) in {"-", "&", "and", "e", "n"}:
            end += 1
        return _word_at(items, end) == "hold"
    return i >= 2 and items[i - 1].word == "de" and items[i - 2].word in {"opcao", "opcoes"}


def _word_at(items: list[Token], i: int) -> str:
    return items[i].word if i < len(items) else ""
