"""What a cancel, result or update says, and of which assets (catalogue, section 14.1)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.model import Event, EventKind

from .exits import ExitPlaces
from .expectations import Expectations
from .lexicon import Field, words
from .mentions import Mention, Mentions
from .message import Message
from .phrasebook import CLOSING_FORMS, CORRECTIONS, PARTS, SOME_PARTS
from .phrases import words_follow
from .setting import Phrase
from .shapes import check_mark_behind
from .signals import Candidate
from .target_numbers import FINAL, TARGET_WORDS, further, target_in
from .tokens import Token, TokenKind
from .weak_results import is_outcome

__all__ = ["Found", "describe"]

_STOPS = words("stop stops sl sls")
_ENTRIES = words("entrada entradas")
#: phrases that tell of an exit, a part or an execution
_EXITS = frozenset(
    f"{kind}.{name}"
    for kind, names in (
        ("result", ("closed", "partial_taken", "we_closed", "at_zero", "exit", "gain_taken")),
        ("update", ("close", "leave", "take_partial", "reduce", "filled")),
    )
    for name in names
)
_WITHOUT_PART = frozenset(("update.filled", "result.partial_taken", "result.gain_taken"))
_REACHED = frozenset(("result.target_hit", "result.level_reached"))
_STOP_HITS = frozenset(("result.stop_hit", "result.stopped"))
_CHANGES = frozenset(("update.adjust", "update.changed"))
_KEPT = words("mantido mantida mantidos mantidas")
_AT_ZERO = (("no", "zero", "a", "zero"), ("no", "0x0"), ("at", "be"), ("at", "breakeven"))
_NEGATIVE = "-"


@dataclass(frozen=True, slots=True)
class Found:
    """What else has been found in the message of an event."""

    mentions: Mentions
    candidates: list[Candidate]
    expectations: Expectations


@dataclass(slots=True)
class _Said:
    """What has been found for one asset; the first to say a value is heard."""

    target: int | None = None
    stop_hit: bool = False
    new_stop: Decimal | None = None
    new_targets: tuple[Decimal, ...] = ()
    new_entry: tuple[Decimal, Decimal] | None = None
    breakeven: bool = False
    fraction: Decimal | None = None
    price: Decimal | None = None
    percent: Decimal | None = None


def describe(
    message: Message,
    kind: EventKind,
    phrases: list[Phrase],
    found: Found,
) -> tuple[Event, ...]:
    """Describe an event, once for each asset that its phrases speak of."""
    return _Describer(message, kind, phrases, found).describe()


class _Describer:
    """Collects what the phrases of one message say, by asset."""

    def __init__(
        self,
        message: Message,
        kind: EventKind,
        phrases: list[Phrase],
        found: Found,
    ) -> None:
        self._message = message
        self._kind = kind
        self._phrases = phrases
        self._mentions = found.mentions
        self._expectations = found.expectations
        self._of_message = _assets_of(message, found)
        self._said: dict[str | None, _Said] = {}

    def describe(self) -> tuple[Event, ...]:
        if self._kind is EventKind.CANCEL:
            names = dict.fromkeys(name for phrase in self._phrases for name in self._names(phrase))
            return tuple(Event(kind=self._kind, asset=name) for name in names or self._of_message)
        for n, phrase in enumerate(self._phrases):
            end = next(
                (
                    p.start
                    for p in self._phrases[n + 1 :]
                    if p.start > phrase.end and p.clause is phrase.clause
                ),
                phrase.clause.end,
            )
            for name in self._names(phrase):
                self._take(self._of(name), phrase, end, self._places(name))
        if not self._message.tokens.words.isdisjoint(CORRECTIONS) and self._kind is EventKind.UPDATE:
            self._take_labels()
        if not self._said:
            for name in self._of_message:
                self._of(name)
        if self._kind is EventKind.RESULT:
            self._take_checks()
        self._take_percent()
        return tuple(
            Event(
                kind=self._kind,
                asset=name,
                target=said.target,
                stop_hit=said.stop_hit,
                new_stop=said.new_stop,
                new_targets=said.new_targets,
                new_entry=said.new_entry,
                breakeven=said.breakeven,
                fraction=said.fraction,
                price=said.price,
                percent=said.percent,
            )
            for name, said in self._said.items()
        )

    def _of(self, name: str | None) -> _Said:
        return self._said.setdefault(name, _Said())

    def _places(self, name: str | None) -> ExitPlaces:
        return ExitPlaces(self._message, self._mentions, name)

    def _names(self, phrase: Phrase) -> list[str | None]:
        found = _tickers(self._message.items[phrase.clause.start : phrase.clause.end])
        return list(dict.fromkeys(found)) or self._of_message

    def _take(self, said: _Said, phrase: Phrase, end: int, places: ExitPlaces) -> None:
        """Take the values of one phrase, whose part of its clause ends at token ``end``."""
        reason = phrase.reason
        if reason in _STOP_HITS or (
            reason == "result.level_reached" and self._message.items[phrase.end].word in _STOPS
        ):
            said.stop_hit = True
            said.price = said.price or places.exit_price(phrase.start, end)
        elif reason in _REACHED:
            target = target_in(self._message.items, phrase.start, phrase.end)
            if target is not None:
                said.target = further(said.target, target)
            said.price = said.price or places.exit_price(phrase.end + 1, end)
        elif reason in _EXITS:
            self._take_exit(said, phrase, end, places)
        else:
            self._take_change(said, phrase, end, places)

    def _take_exit(self, said: _Said, phrase: Phrase, end: int, places: ExitPlaces) -> None:
        """Take what an exit, a part or an execution says."""
        items = self._message.items
        said.price = said.price or places.exit_price(phrase.start, end, beside_ticker=True)
        if phrase.reason != "update.filled":
            said.fraction = said.fraction or self._fraction(phrase, end)
        if any(words_follow(items, i, at) for i in range(phrase.start, end) for at in _AT_ZERO):
            said.breakeven = True

    def _take_change(self, said: _Said, phrase: Phrase, end: int, places: ExitPlaces) -> None:
        """Take the new levels of an update."""
        reason = phrase.reason
        inside = self._message.items[phrase.start : phrase.end + 1]
        if reason == "update.stop_placed":
            said.breakeven = True
        elif any(token.word in _KEPT for token in inside):
            return
        elif reason in {"update.stop_moved", "update.new_stop"} or _names_any(inside, _STOPS, reason):
            said.new_stop = said.new_stop or places.new_price(phrase.start, end, Field.STOP)
        elif reason == "update.new_target" or _names_any(inside, TARGET_WORDS, reason):
            said.new_targets = said.new_targets or places.new_targets(phrase.start, end)
            if self._kind is EventKind.UPDATE:
                said.target = self._changed_target(phrase, end)
        elif reason == "update.new_entry" or _names_any(inside, _ENTRIES, reason):
            said.new_entry = said.new_entry or places.new_entry(phrase.start, end)

    def _changed_target(self, phrase: Phrase, end: int) -> int | None:
        found = target_in(self._message.items, phrase.start, min(end, phrase.clause.end) - 1)
        several = len([m for m in self._mentions.all if phrase.start <= m.label.head < end and m.targets]) > 1
        return None if several else found

    def _fraction(self, phrase: Phrase, end: int) -> Decimal | None:
        items = self._message.items
        said = items[phrase.start : end]
        for i, token in enumerate(said, phrase.start):
            if token.word in PARTS:
                return Decimal(PARTS[token.word])
            if token.kind is TokenKind.PERCENT and not token.signed and not is_outcome(self._message, i):
                return None if token.number is None else _hundredth(token.number.value)
        if any(token.word in SOME_PARTS for token in said) or phrase.reason in _WITHOUT_PART:
            return None
        closes = any(token.word in CLOSING_FORMS for token in items[phrase.start : phrase.end + 1])
        return Decimal(1) if closes else None

    def _take_labels(self) -> None:
        """Take all labels with a price below a heading such as `Atualização` (14.1)."""
        items = self._message.items
        heading = next(i for i, token in enumerate(items) if token.word in CORRECTIONS)
        for mention in self._mentions.all:
            if mention.label.head < heading or not mention.has_price or mention.is_asset:
                continue
            names = _tickers(self._message.tokens_of_clause(mention.label.head)) or self._of_message
            for name in dict.fromkeys(names):
                said, places = self._of(name), self._places(name)
                if mention.label.field is Field.STOP:
                    said.new_stop = said.new_stop or places.level(mention)
                elif mention.label.is_entry:
                    said.new_entry = said.new_entry or places.entry(mention)
                else:
                    self._add_targets(said, mention, places)

    def _add_targets(self, said: _Said, mention: Mention, places: ExitPlaces) -> None:
        """Add the targets of one label to those of the labels before it."""
        first = not said.new_targets
        said.new_targets += places.targets(mention)
        index = mention.targets[0]
        number = FINAL if index.final else index.index
        said.target = number if first and len(mention.targets) == 1 else None

    def _take_checks(self) -> None:
        for mention in self._mentions.all:
            if mention.label.field is not Field.TARGET or not check_mark_behind(self._message, mention):
                continue
            number = target_in(self._message.items, mention.label.start, mention.label.end)
            names: list[str | None] = [*_tickers(self._message.tokens_of_clause(mention.label.head))] or [
                *self._said
            ]
            for name in names:
                if name in self._said and number is not None:
                    self._said[name].target = further(self._said[name].target, number)

    def _take_percent(self) -> None:
        message = self._message
        figures = [
            i
            for i, token in enumerate(message.items)
            if token.kind is TokenKind.PERCENT
            and token.number is not None
            and not self._expectations.holds(i)
        ]
        figures = [i for i in figures if message.items[i].signed] or [
            i for i in figures if is_outcome(message, i)
        ]
        for name, said in self._said.items():
            for i in figures:
                near = _tickers(message.tokens_of_clause(i))
                if len(self._said) == 1 or name in near:
                    said.percent = _percent(message, message.items[i])
                    break


def _assets_of(message: Message, found: Found) -> list[str | None]:
    """Return whom a message is about, for phrases whose clause names no ticker."""
    complete = [c.asset.name for c in found.candidates if c.complete and c.asset is not None]
    named = complete or [c.asset.name for c in found.candidates if c.asset is not None and c.asset.certain]
    if not named:
        every = list(dict.fromkeys(_tickers([message.items[i] for i in found.mentions.tickers])))
        # of several tickers none is said to be meant
        named = every if len(every) == 1 else []
    return [*dict.fromkeys(named)] or [None]


def _tickers(tokens: list[Token]) -> list[str]:
    return [token.ticker.name for token in tokens if token.ticker is not None]


def _names_any(tokens: list[Token], nouns: frozenset[str], reason: str) -> bool:
    return reason in _CHANGES and any(token.word in nouns for token in tokens)


def _hundredth(value: Decimal) -> Decimal:
    """Divide a percentage by a hundred, without zeros that nobody wrote."""
    return (value / 100).normalize() if value != 100 else Decimal(1)


def _percent(message: Message, token: Token) -> Decimal | None:
    """Return a percentage with the sign that is written."""
    if token.number is None:
        return None
    text = message.prepared.text[token.start : token.end]
    return -token.number.value if text.startswith(_NEGATIVE) else token.number.value
