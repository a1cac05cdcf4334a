"""What a message is: the steps of the catalogue's section 8, in their order."""

from __future__ import annotations

from dataclasses import replace

from engine.model import EventKind, FirstHalf, Kind, Market, Reading

from .cancels import find_cancels
from .event_words import has_event_words
from .events import Found, describe
from .expectations import Expectations
from .halves import complete as complete_half
from .halves import first_half, is_second_half
from .lexicon import Field
from .mentions import Mentions, read_mentions
from .message import Message, cut
from .phrasebook import CORRECTIONS, ORDERS, PHRASE_TRIGGERS
from .self_declared_tests import find_test
from .setting import Phrase, PhraseContext
from .shapes import all_phrases
from .signals import Candidate, read_candidates, to_signal
from .text import Prepared
from .tokens import TokenKind
from .weak_results import find_weak_result

__all__ = ["classify"]


def classify(prepared: Prepared, market: Market, half_of: FirstHalf | None) -> Reading:
    """Read a prepared text that is not blank."""
    message = cut(prepared, market)
    test = find_test(message)
    if test is not None:
        return Reading(kind=Kind.NOT_SIGNAL, reason=test)
    mentions = read_mentions(message)
    candidates = read_candidates(message, mentions)
    complete = [candidate for candidate in candidates if candidate.complete]
    setting = _setting(message, mentions, complete)
    expectations = Expectations(message, mentions)

    def event(kind: EventKind, reason: str, phrases: list[Phrase]) -> Reading:
        events = describe(message, kind, phrases, Found(mentions, candidates, expectations))
        return Reading(kind=Kind(kind.value), reason=reason, events=events)

    cancels = find_cancels(message, setting)
    if cancels:
        return event(EventKind.CANCEL, cancels[0].reason, cancels)
    phrases = all_phrases(message, mentions, setting)
    result = next((phrase for phrase in phrases if phrase.is_result), None)
    if result is not None:
        return event(EventKind.RESULT, result.reason, phrases)
    weak = find_weak_result(message, mentions, complete, expectations)
    if weak is not None:
        return event(EventKind.RESULT, weak, phrases)
    if phrases:
        return event(EventKind.UPDATE, phrases[0].reason, phrases)
    half = first_half(message, candidates)
    if complete:
        reading = _signals(message, mentions, setting, candidates, expectations)
        return reading if half is None else replace(reading, first_half=half)
    if setting.has_ticker and not message.tokens.words.isdisjoint(CORRECTIONS):
        return event(EventKind.UPDATE, "update.correction", [])
    second = is_second_half(mentions)
    if second and half_of is not None:
        events = (complete_half(message, mentions, half_of),)
        return Reading(kind=Kind.UPDATE, reason="update.second_half", events=events, second_half=True)
    return Reading(kind=Kind.NOT_SIGNAL, reason=_lack(candidates), first_half=half, second_half=second)


def _setting(message: Message, mentions: Mentions, complete: list[Candidate]) -> PhraseContext:
    assets = frozenset(each.asset.name for each in complete if each.asset is not None)
    orders = complete and not message.tokens.words.isdisjoint(ORDERS)
    lines = frozenset(_target_lines(message, mentions)) if orders else frozenset[int]()
    indices = frozenset(mention.index_token for mention in mentions.all if mention.index_token is not None)
    setting = PhraseContext(assets, lines, indices, has_ticker=bool(mentions.tickers))
    if not message.tokens.words.isdisjoint(PHRASE_TRIGGERS):
        labels = [m for m in mentions.all if not m.is_asset and (m.colon or m.has_price)]
        setting.values = frozenset(
            _first_word(message, m.label.end) for m in labels if m.colon and not m.has_price
        )
        setting.own = frozenset(i for m in labels for i in range(m.label.start, m.label.end))
    return setting


def _first_word(message: Message, i: int) -> int:
    """Return the first token behind a label, signs aside."""
    while i < len(message.items) and message.items[i].kind is TokenKind.SIGN:
        i += 1
    return i


def _target_lines(message: Message, mentions: Mentions) -> list[int]:
    """Return the lines that begin with a target label and hold its price."""
    items = message.items
    found: list[int] = []
    for mention in mentions.all:
        if mention.label.field is not Field.TARGET or not mention.targets:
            continue
        line = items[mention.label.head].line
        start = message.tokens.lines[line][0]
        while items[start].kind is TokenKind.SIGN:
            start += 1
        if start == mention.label.start and items[mention.targets[0].price].line == line:
            found.append(line)
    return found


def _signals(
    message: Message,
    mentions: Mentions,
    setting: PhraseContext,
    candidates: list[Candidate],
    expectations: Expectations,
) -> Reading:
    extra: set[str] = set()
    if len(candidates) > 1:
        extra.add("multiple_signals")
    lines = frozenset(
        message.items[candidate.validity].line for candidate in candidates if candidate.validity is not None
    )
    if has_event_words(message, mentions, setting, expectations, lines):
        extra.add("event_words")
    complete = [candidate for candidate in candidates if candidate.complete]
    reason = "order_at_market" if all(each.at_market for each in complete) else "complete_block"
    signals = tuple(
        to_signal(candidate, position, frozenset(extra)) for position, candidate in enumerate(complete)
    )
    return Reading(kind=Kind.SIGNAL, reason=reason, signals=signals)


def _lack(candidates: list[Candidate]) -> str:
    """Name what the block that came closest to a signal lacks."""
    lacks = [candidate.missing for candidate in candidates if candidate.missing is not None]
    return max(lacks, key=_CLOSENESS.index)


_CLOSENESS = ("no_ticker", "no_prices", "incomplete.no_entry", "incomplete.entry_alone")
