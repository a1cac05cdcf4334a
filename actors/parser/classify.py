"""What a message is: the steps of the catalogue's section 8, in their order."""

from __future__ import annotations

from engine.model import EventKind, Kind, Reading

from .cancels import find_cancel
from .event_words import has_event_words
from .events import describe
from .lessons import find_test
from .lexicon import Field
from .mentions import Mentions, read_mentions
from .message import Message, cut
from .phrasebook import CORRECTIONS
from .phrases import Setting, find_phrase
from .signals import Candidate, read_candidates, to_signal
from .text import Prepared
from .tokens import TokenKind
from .weak_results import find_weak_result

__all__ = ["classify"]


def classify(prepared: Prepared) -> Reading:
    """Read a prepared text that is not blank."""
    message = cut(prepared)
    test = find_test(message)
    if test is not None:
        return Reading(kind=Kind.NOT_SIGNAL, reason=test)
    mentions = read_mentions(message)
    candidates = read_candidates(message, mentions)
    complete = [candidate for candidate in candidates if candidate.complete]
    setting = _setting(message, mentions, complete)

    cancel = find_cancel(message, setting)
    if cancel is not None:
        events = describe(message, EventKind.CANCEL, cancel, candidates)
        return Reading(kind=Kind.CANCEL, reason=cancel.reason, events=events)
    result, update = find_phrase(message, setting)
    if result is not None:
        events = describe(message, EventKind.RESULT, result, candidates)
        return Reading(kind=Kind.RESULT, reason=result.reason, events=events)
    weak = find_weak_result(message, mentions, complete)
    if weak is not None:
        events = describe(message, EventKind.RESULT, None, candidates)
        return Reading(kind=Kind.RESULT, reason=weak, events=events)
    if update is not None:
        events = describe(message, EventKind.UPDATE, update, candidates)
        return Reading(kind=Kind.UPDATE, reason=update.reason, events=events)
    if complete:
        return _signals(message, mentions, setting, candidates)
    if setting.has_ticker and not message.tokens.words.isdisjoint(CORRECTIONS):
        events = describe(message, EventKind.UPDATE, None, candidates)
        return Reading(kind=Kind.UPDATE, reason="update.correction", events=events)
    return Reading(kind=Kind.NOT_SIGNAL, reason=_lack(candidates))


def _setting(message: Message, mentions: Mentions, complete: list[Candidate]) -> Setting:
    assets = frozenset(each.asset.name for each in complete if each.asset is not None)
    lines = frozenset(_target_lines(message, mentions)) if complete else frozenset[int]()
    indices = frozenset(mention.index_token for mention in mentions.all if mention.index_token is not None)
    return Setting(assets, lines, indices, has_ticker=bool(mentions.tickers))


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


def _signals(message: Message, mentions: Mentions, setting: Setting, candidates: list[Candidate]) -> Reading:
    extra: set[str] = set()
    if len(candidates) > 1:
        extra.add("multiple_signals")
    lines = frozenset(
        message.items[candidate.validity].line for candidate in candidates if candidate.validity is not None
    )
    if has_event_words(message, mentions, setting, lines):
        extra.add("event_words")
    complete = [candidate for candidate in candidates if candidate.complete]
    signals = tuple(
        to_signal(candidate, position, frozenset(extra)) for position, candidate in enumerate(complete)
    )
    return Reading(kind=Kind.SIGNAL, reason="complete_block", signals=signals)


def _lack(candidates: list[Candidate]) -> str:
    """Name what the block that came closest to a signal lacks."""
    lacks = [candidate.missing for candidate in candidates if candidate.missing is not None]
    return max(lacks, key=_CLOSENESS.index)


_CLOSENESS = ("no_ticker", "no_prices", "incomplete.no_entry", "incomplete.entry_alone")
