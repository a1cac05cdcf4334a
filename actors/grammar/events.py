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
from .percentages import hundredth, signed_percent
from .phrasebook import CLOSING_FORMS, CORRECTIONS, PARTS, SOME_PARTS
from .reaching import words_follow
from .setting import Phrase
from .shapes import check_mark_behind
from .signals import Candidate
from .subjects import Subjects, assets_of, owner_of, tickers_of
from .target_numbers import FINAL, TARGET_WORDS, further, names_several, reach_end, target_in
from .tokens import Token, TokenKind
from .weak_results import is_gain, is_outcome

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
_NEW = frozenset(("update.new_stop", "update.new_target", "update.new_entry"))
_KEPT = words("mantido mantida mantidos mantidas")
_AT_ZERO = (("no", "zero", "a", "zero"), ("no", "zero"), ("no", "0x0"), ("at", "be"), ("at", "breakeven"))
#: behind a stop that was hit: the other half goes on
_ON_HALF = (("em", "metade"), ("on", "half"))
_HALF = Decimal("0.5")
_OF = words("de da do of")
_HUNDRED = Decimal(100)
#: the percentage behind one of these is what stays open
_KEEPING = words("menos exceto deixar deixando deixem manter mantendo mantenham segurar keep leave")


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


def describe(message: Message, kind: EventKind, phrases: list[Phrase], found: Found) -> tuple[Event, ...]:
    """Describe an event, once for each asset that its phrases speak of."""
    return _Describer(message, kind, phrases, found).describe()


class _Describer:
    """Collects what the phrases of one message say, by asset."""

    def __init__(self, message: Message, kind: EventKind, phrases: list[Phrase], found: Found) -> None:
        self._message = message
        self._kind = kind
        self._phrases = phrases
        self._subjects = Subjects(message, phrases)
        self._mentions = found.mentions
        self._expectations = found.expectations
        self._of_message = assets_of(message, found.mentions, found.candidates)
        self._said: dict[str | None, _Said] = {}

    def describe(self) -> tuple[Event, ...]:
        if self._kind is EventKind.CANCEL:
            names = dict.fromkeys(
                name for phrase in self._phrases for name, _, _ in self._spoken_of(phrase, phrase.clause.end)
            )
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
            for name, start, upto in self._spoken_of(phrase, end):
                self._take(self._of(name), phrase, (start, upto), self._places(name))
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

    def _spoken_of(self, phrase: Phrase, end: int) -> list[tuple[str | None, int, int]]:
        """Return whom a phrase speaks of, each with the tokens in which its values stand, up to token ``end``."""
        parts, others = self._subjects.of(phrase)
        if not parts:
            return [(name, phrase.start, end) for name in self._of_message]
        found: list[tuple[str | None, int, int]] = []
        for n, part in enumerate(parts):
            start = phrase.start if n == 0 else part[0]
            upto = parts[n + 1][0] if n + 1 < len(parts) else min(end, others)
            found += [(name, start, max(upto, phrase.end + 1)) for name in part[1]]
        return found

    def _take(self, said: _Said, phrase: Phrase, span: tuple[int, int], places: ExitPlaces) -> None:
        """Take the values of one phrase, which stand among the tokens of ``span``."""
        start, end = span
        reason = phrase.reason
        if reason in _STOP_HITS or (
            reason == "result.level_reached" and self._message.items[phrase.end].word in _STOPS
        ):
            if any(
                words_follow(self._message.items, i, half) for i in range(start, end) for half in _ON_HALF
            ):
                said.fraction = said.fraction or _HALF
            else:
                said.stop_hit = True
            said.price = said.price or places.exit_price(start, end, said=phrase.end)
            said.breakeven = said.breakeven or self._at_zero(start, end)
        elif reason in _REACHED:
            items = self._message.items
            last = reach_end(items, phrase.end, end) if reason == "result.level_reached" else phrase.end
            target = target_in(items, phrase.start, last)
            if target is not None:
                said.target = further(said.target, target)
            said.price = said.price or places.exit_price(max(start, phrase.end + 1), end, said=last)
        elif reason in _EXITS:
            self._take_exit(said, phrase, span, places)
        else:
            self._take_change(said, phrase, span, places)

    def _take_exit(self, said: _Said, phrase: Phrase, span: tuple[int, int], places: ExitPlaces) -> None:
        """Take what an exit, a part or an execution says."""
        start, end = span
        said.price = said.price or places.exit_price(start, end, said=phrase.end, beside_ticker=True)
        if phrase.reason != "update.filled":
            said.fraction = said.fraction or self._fraction(phrase, span)
        # `saímos de metade no zero a zero` says nothing of the other half's stop
        if said.fraction is None or said.fraction == 1:
            said.breakeven = said.breakeven or self._at_zero(start, end)

    def _at_zero(self, start: int, end: int) -> bool:
        items = self._message.items
        return any(words_follow(items, i, at) for i in range(start, end) for at in _AT_ZERO)

    def _take_change(self, said: _Said, phrase: Phrase, span: tuple[int, int], places: ExitPlaces) -> None:
        """Take the new levels of an update."""
        start, end = span
        reason = phrase.reason
        changed = None
        if reason == "update.changed" or start > phrase.end:  # `novo stop GGBR4 17,60 e USIM5 5,90`
            changed = places.price_at(max(start, phrase.end) + 1, end)
        inside = self._message.items[phrase.start : phrase.end + 1]
        if reason == "update.stop_placed":
            said.breakeven = True
        elif any(token.word in _KEPT for token in inside):
            return
        elif reason in {"update.stop_moved", "update.new_stop"} or _names_any(inside, _STOPS, reason):
            said.new_stop = (
                said.new_stop or places.new_price(start, end, Field.STOP, new=reason in _NEW) or changed
            )
        elif reason == "update.new_target" or _names_any(inside, TARGET_WORDS, reason):
            said.new_targets = (
                said.new_targets or places.new_targets(start, end) or (() if changed is None else (changed,))
            )
            if self._kind is EventKind.UPDATE:
                said.target = self._changed_target(phrase, end)
        elif reason == "update.new_entry" or _names_any(inside, _ENTRIES, reason):
            said.new_entry = said.new_entry or places.new_entry(start, end)

    def _changed_target(self, phrase: Phrase, end: int) -> int | None:
        found = target_in(self._message.items, phrase.start, min(end, phrase.clause.end) - 1)
        return None if names_several(self._message.items, phrase.start, end) else found

    def _fraction(self, phrase: Phrase, span: tuple[int, int]) -> Decimal | None:
        items = self._message.items
        start, end = span
        if not any(items[i].word in PARTS or items[i].kind is TokenKind.PERCENT for i in range(start, end)):
            start = phrase.start  # `zerar 50% de GGBR4 em 17,60 e USIM5 em 6,05`
        said = items[start:end]
        closes = any(token.word in CLOSING_FORMS for token in items[phrase.start : phrase.end + 1])
        for i, token in enumerate(said, start):
            if token.kind is TokenKind.DATE and items[i + 1].word in _OF:  # `1/3 da posição`
                return None
            if token.word in PARTS:
                return Decimal(PARTS[token.word])
            if token.kind is TokenKind.PERCENT and not token.signed and not is_gain(self._message, i):
                # `fechar GGBR4: 5% em dois dias`, `zerar tudo menos 20%`, `50% a 70%`
                doubtful = (closes and items[i - 1].kind is TokenKind.SIGN) or (
                    items[i - 1].word in _KEEPING
                    or any(each.kind is TokenKind.PERCENT for each in items[i + 2 : i + 3])
                )
                if doubtful or token.number is None or token.number.value > _HUNDRED:
                    return None
                return hundredth(token.number.value)
        if any(token.word in SOME_PARTS for token in said) or phrase.reason in _WITHOUT_PART:
            return None
        return Decimal(1) if closes else None

    def _take_labels(self) -> None:
        """Take all labels with a price below a heading such as `Atualização` (14.1)."""
        items = self._message.items
        heading = next(i for i, token in enumerate(items) if token.word in CORRECTIONS)
        for mention in self._mentions.all:
            if mention.label.head < heading or not mention.has_price or mention.is_asset:
                continue
            head = mention.label.head
            for name in self._subjects.of_label(self._message.clause_at(head), head) or self._of_message:
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
            number = target_in(self._message.items, mention.label.start, mention.label.end - 1)
            names: list[str | None] = [*tickers_of(self._message.tokens_of_clause(mention.label.head))] or [
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
                owner = owner_of(message, i)
                if owner == name or (owner is None and len(self._said) == 1):
                    said.percent = signed_percent(message, message.items[i])
                    break


def _names_any(tokens: list[Token], nouns: frozenset[str], reason: str) -> bool:
    return reason in _CHANGES and any(token.word in nouns for token in tokens)
