"""Which side a block is on (catalogue, section 6: Side)."""

from __future__ import annotations

from collections.abc import Sequence

from .labels import Label
from .lexicon import SIDE_NOUNS, Field, words
from .links import skip_remark
from .mentions import Mention
from .message import Message
from .tokens import TokenKind

__all__ = ["find_side", "stands_alone"]

_LEVELS = frozenset((Field.TARGET, Field.STOP))
_SIDE_LINKS = words("de da do e a trade")
_MARKET_LINKS = words("a ao o preco de at")
#: between a label and `(TICKER)` may stand so many words of a company's name (15)
_LONGEST_NAME = 6


def find_side(message: Message, mentions: Sequence[Mention]) -> Mention | None:
    """Return the first mention that is evidence of a side."""
    for mention in mentions:
        label = mention.label
        if label.field is not Field.BUY and label.field is not Field.SELL:
            continue
        if (
            mention.has_price
            or mention.neighbours
            or stands_alone(message, label)
            or _is_at_market(message, mention, mentions)
            or _follows_side_noun(message, label)
            or _leads_to_company(message, label)
        ):
            return mention
    return None


def stands_alone(message: Message, label: Label) -> bool:
    """Tell whether a label is alone on its line, punctuation and a remark in parentheses aside."""
    items = message.items
    start, end = message.tokens.lines[items[label.head].line]
    if any(token.kind is not TokenKind.SIGN for token in items[start : label.start]):
        return False
    i = label.end
    while i < end:
        if items[i].kind is not TokenKind.SIGN:
            return False
        behind = skip_remark(message, i) if items[i].word == "(" else None
        i = behind if behind is not None else i + 1
    return True


def _is_at_market(message: Message, mention: Mention, mentions: Sequence[Mention]) -> bool:
    """Match `Venda: a mercado`, with no target or stop label before it in its clause."""
    items, label = message.items, mention.label
    i = label.end
    while i < len(items) and (items[i].kind is TokenKind.SIGN or items[i].word in _MARKET_LINKS):
        i += 1
    if i >= len(items) or items[i].word not in {"mercado", "market"}:
        return False
    clause = message.clause_at(label.head)
    return not any(
        other.label.field in _LEVELS and clause.start <= other.label.head < label.head for other in mentions
    )


def _follows_side_noun(message: Message, label: Label) -> bool:
    """Tell whether a label stands after `sinal`, `operação`, `direction` ... (`SINAL DE COMPRA`)."""
    items = message.items
    i = label.start - 1
    while i >= 0 and (items[i].kind is TokenKind.SIGN or items[i].word in _SIDE_LINKS):
        i -= 1
    if i < 0 or items[i].word not in SIDE_NOUNS:
        return False
    start = message.clause_at(i).start
    return all(token.word != "sem" for token in items[max(start, i - _FARTHEST) : i])


_FARTHEST = 8


def _leads_to_company(message: Message, label: Label) -> bool:
    """Match `venda de ações de Eneva (ENEV3)`: a company's name, then its ticker in parentheses."""
    items = message.items
    i = label.end
    while i < len(items) and i - label.end < _LONGEST_NAME and items[i].kind is TokenKind.WORD:
        if items[i].word in message.vocabulary.labels and items[i].word not in message.vocabulary.fillers:
            return False
        i += 1
    return (
        i + 2 < len(items)
        and items[i].word == "("
        and items[i + 1].kind is TokenKind.TICKER
        and items[i + 2].word == ")"
    )
