"""Finding the labels of a message (catalogue, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from .lexicon import (
    ENTRY_FIELDS,
    FINAL_WORDS,
    LABELS,
    ORDINALS,
    PLURAL_TARGETS,
    UNDERLYING_WORDS,
    Field,
)
from .message import Message
from .tokens import Token, TokenKind

__all__ = ["Label", "final_at", "find_labels"]


@dataclass(slots=True)
class Label:
    """A label at tokens ``start``..``end``, with the ordinal, glued index and `final` around it.

    ``head`` is the first token of the label's own words.
    """

    field: str
    start: int
    head: int
    end: int
    index: int | None = None
    final: bool = False
    plural: bool = False
    #: tp is a label only if an index or a price follows
    tp: bool = False

    @property
    def is_entry(self) -> bool:
        return self.field in ENTRY_FIELDS


def find_labels(message: Message) -> list[Label]:
    """Find all labels in text order, whether they will count or not."""
    items = message.items
    labels: list[Label] = []
    i = 0
    while i < len(items):
        token = items[i]
        ends = LABELS.get(token.word) if token.kind is TokenKind.WORD else None
        label = _match(items, i, ends) if ends is not None else None
        if label is None:
            i += 1
            continue
        labels.append(label)
        i = label.end
    return labels


def _match(items: list[Token], i: int, ends: tuple[tuple[tuple[str, ...], str], ...]) -> Label | None:
    for rest, named in ends:
        found = _words_at(items, i + 1, rest) if rest else i + 1
        if found is not None:
            field, end = named, found
            break
    else:
        return None
    if field is Field.TARGET:
        return _target_label(items, i, end)
    if field is Field.ASSET:
        after = _word_at(items, end)
        if after == "-":  # ativo-objeto
            after = _word_at(items, end + 1)
        return None if after in UNDERLYING_WORDS else Label(field, i, i, end)
    if field in ENTRY_FIELDS and _is_no_entry(items, i, end):
        return None
    return Label(field, i, i, end)


def _target_label(items: list[Token], i: int, end: int) -> Label:
    """Take in what belongs to a target label: an ordinal or `final` before it, index or `final` behind it."""
    label = Label(
        Field.TARGET,
        start=i,
        head=i,
        end=end,
        plural=items[end - 1].word in PLURAL_TARGETS,
        tp=items[i].word == "tp",
    )
    while label.start > 0 and items[label.start - 1].kind is TokenKind.WORD:
        before = items[label.start - 1].word
        if before in FINAL_WORDS and not label.final:
            label.final = True
        elif before in ORDINALS and label.index is None:
            label.index = ORDINALS[before]
        else:
            break
        label.start -= 1
    if end < len(items) and items[end].kind is TokenKind.INDEX:
        number = items[end].number
        label.index = number.small if number is not None else None
        label.end = end + 1
    behind = final_at(items, label.end)
    if behind is not None:
        label.final = True
        label.end = behind
    return label


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
