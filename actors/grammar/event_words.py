"""Words that make a signal doubtful because they may report an event (catalogue, section 9.6)."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from engine.model import Market

from .expectations import Expectations
from .lexicon import NEGATIONS, Field, words
from .links import Link, after_units, read_quote, skip_remark
from .mentions import Mention, Mentions
from .message import Message
from .outcome_words import EVENT_PREFIXES, EVENT_WORDS, NEGATABLE_VERBS, RESULT_NOUNS, RISK_WORDS, STOP_ADVICE
from .phrasebook import ORDERS
from .phrases import is_plan
from .setting import PhraseContext
from .shapes import check_mark_behind
from .sides import stands_alone
from .tokens import TokenKind
from .weak_results import names_target

__all__ = ["has_event_words"]

_ARTICLES = words("o a os as um uma")
_FIGURES = frozenset((TokenKind.PRICE, TokenKind.PERCENT))


def has_event_words(
    message: Message,
    mentions: Mentions,
    setting: PhraseContext,
    expectations: Expectations,
    validity_lines: frozenset[int],
) -> bool:
    """Tell whether a message with a complete block holds event words.

    ``validity_lines`` are the lines that a validity was read from: they say what becomes of the
    order in the end, and are left out unless they hold a price.
    """
    skipped = frozenset(line for line in validity_lines if not _has_price(message, line))

    def heard(i: int) -> bool:
        return message.items[i].line not in skipped

    return (
        _has_word(message, mentions, setting, heard)
        or _has_figure(message, mentions, expectations, heard)
        or _has_label(message, mentions, setting, heard)
    )


def _has_price(message: Message, line: int) -> bool:
    start, end = message.tokens.lines[line]
    return any(token.kind is TokenKind.PRICE for token in message.items[start:end])


def _has_word(
    message: Message, mentions: Mentions, setting: PhraseContext, heard: Callable[[int], bool]
) -> bool:
    """Look for words of events, and for a negated trade."""
    said = message.tokens.words
    if said.isdisjoint(_HEARD) and _EVENT_STARTS.isdisjoint(map(_start, said)):
        return False
    items = message.items
    for i, token in enumerate(items):
        word = token.word
        if token.kind is not TokenKind.WORD or not _may_be_event(word):
            continue
        if not heard(i) or _is_of_label(mentions, i):
            continue
        if word in NEGATIONS:
            found = i + 1 < len(items) and items[i + 1].word in NEGATABLE_VERBS
        elif word == "sem":
            found = i + 1 < len(items) and items[i + 1].word == "efeito"
        else:
            # risk management is an order to the reader for a case that may come
            found = word not in ORDERS or not is_plan(message, setting, message.clause_at(i))
        if found:
            return True
    return False


def _is_of_label(mentions: Mentions, i: int) -> bool:
    """Tell whether token i is part of a label: the pérdidas of `Stop de pérdidas` tell of no loss."""
    return any(mention.label.head < i < mention.label.end for mention in mentions.all)


def _may_be_event(word: str) -> bool:
    return word in _HEARD or word.startswith(EVENT_PREFIXES)


_HEARD = EVENT_WORDS | NEGATIONS | {"sem"}
_SHORTEST = min(map(len, EVENT_PREFIXES))
_start = itemgetter(slice(_SHORTEST))
_EVENT_STARTS = frozenset(prefix[:_SHORTEST] for prefix in EVENT_PREFIXES)


def _has_figure(
    message: Message, mentions: Mentions, expectations: Expectations, heard: Callable[[int], bool]
) -> bool:
    """Look for a result with a figure on its line, and a signed percentage on a line without labels."""
    if message.tokens.words.isdisjoint(_OF_RESULTS):
        return False
    items = message.items
    label_lines = frozenset(
        items[mention.label.head].line for mention in mentions.all if mention.label.field is not Field.ASSET
    )
    for i, token in enumerate(items):
        if token.kind is TokenKind.PERCENT and token.signed:
            if (
                token.line not in label_lines
                and heard(i)
                and not expectations.holds(i)
                and not any(other.word in RISK_WORDS for other in message.tokens_of_clause(i))
            ):
                return True
        elif token.word in RESULT_NOUNS and heard(i):
            start, end = message.tokens.lines[token.line]
            line = items[start:end]
            if any(other.kind in _FIGURES for other in line) and not (
                token.word in _PROFITS
                and (
                    expectations.promises(i)
                    or names_target(mentions, i)
                    or any(other.word in RISK_WORDS for other in line)
                )
            ):
                return True
    return False


_PROFITS = words("lucro lucros")
_OF_RESULTS = RESULT_NOUNS | {"%"}


def _has_label(
    message: Message, mentions: Mentions, setting: PhraseContext, heard: Callable[[int], bool]
) -> bool:
    """Look for a level spoken of without its price, one with a check mark, and a denied entry."""
    for mention in mentions.all:
        label = mention.label
        if not heard(label.head):
            continue
        if label.is_entry:
            if mention.doubtful and mention.has_price:
                return True
        elif label.field is not Field.ASSET:
            if (
                not mention.has_price
                and not mention.open
                and not _is_excused(message, mentions, setting, mention)
            ):
                return True
            if label.field is Field.TARGET and _is_checked(message, mention):
                return True
    return False


def _is_excused(message: Message, mentions: Mentions, setting: PhraseContext, mention: Mention) -> bool:
    before = mention.label.start - 1
    while before >= 0 and message.items[before].word in _ARTICLES:
        before -= 1
    if mention.colon or _has_empty_index(message, mention) or _heads_targets(message, mentions, mention):
        return True
    without = message.items[before].word if before >= 0 else ""
    if without == "sem" or (without == "no" and message.market is not Market.B3):
        return True
    if mention.label.field is Field.STOP and _is_advice(message, before):
        return True
    return is_plan(message, setting, message.clause_at(mention.label.head))


def _heads_targets(message: Message, mentions: Mentions, mention: Mention) -> bool:
    """Tell a heading such as `ALVOS`: the lines of its list have target labels of their own."""
    label = mention.label
    if label.field is not Field.TARGET or not stands_alone(message, label):
        return False
    first = message.next_line(label.head)
    end = message.line_end(first) if first < len(message.items) else first
    return any(m.label.field is Field.TARGET and m.targets for m in mentions.counted_between(first, end))


def _is_advice(message: Message, last: int) -> bool:
    """Match `respeitem`, `não esqueçam`, `sempre com` at token ``last``, before a stop."""
    items = message.items
    return any(
        [token.word for token in items[max(last + 1 - len(advice), 0) : last + 1]] == list(advice)
        for advice in STOP_ADVICE
    )


def _has_empty_index(message: Message, mention: Mention) -> bool:
    """Match `Alvo 2: em aberto` and `Alvo 2 (resto): em aberto`: a colon behind the index of no price."""
    items = message.items
    i = mention.label.end
    number = items[i].number if i < len(items) else None
    if number is None or number.small is None:
        return False
    behind = _behind_parenthesis(message, i + 1)
    return behind < len(items) and items[behind].word in {":", "="}


def _is_checked(message: Message, mention: Mention) -> bool:
    return bool(message.tokens.checks) and (
        check_mark_behind(message, mention)
        or any(_check_behind_price(message, target.price) for target in mention.targets)
    )


def _check_behind_price(message: Message, price: int) -> bool:
    """Tell whether a check mark stands right after a price, its unit, its remark or the range that it begins."""
    items, checks = message.items, message.tokens.checks
    ends = (price, after_units(items, price + 1) - 1, read_quote(message, Link(price=price)).end - 1)
    return any(end in checks or _behind_parenthesis(message, end + 1) - 1 in checks for end in ends)


def _behind_parenthesis(message: Message, i: int) -> int:
    """Step over a remark or a closing parenthesis at token i."""
    word = message.items[i].word if i < len(message.items) else ""
    if word == "(":
        return skip_remark(message, i) or i
    return i + (word == ")")
