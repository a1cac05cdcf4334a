"""Which contract a continuous future means at an instant, and which paper an option is on. Pure; each answer names its rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from engine.instruments import Instrument, InstrumentKind
from engine.sessions import day_of, is_session, session_from, session_hours, sessions_before

__all__ = ["Contract", "Underlying", "front_contract", "last_day_of", "underlying_of"]

INDEX_RULE = "front month: expires on the Wednesday nearest the 15th of an even month, and trades until that day's close"
DOLLAR_RULE = (
    "front month: expires on the first session of its month, and trades until the close of the session before"
)
ISIN_RULE = "the paper with the ISIN that the exchange gives the option"
ONLY_RULE = "the only paper with these four letters"

_MONTHS = "FGHJKMNQUVXZ"
_INDICES = frozenset({"WIN", "IND"})
#: WINFUT as messages write it; WIN$ and WIN$N as terminals do
_CONTINUOUS = re.compile(r"(WIN|IND|WDO|DOL)(?:FUT|\$[A-Z]?)")
_MONTH = re.compile(r"(WIN|IND|WDO|DOL)([FGHJKMNQUVXZ])([0-9]{2})")
_OPTION = re.compile(r"([A-Z][A-Z0-9]{3})([A-X])[0-9]{1,4}(?:W([1245]))?E?")
_WEDNESDAY, _FRIDAY = 2, 4
#: options expired on a third Monday before
_FRIDAYS_SINCE = date(2021, 5, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A month of a future. On the ``last_day`` much trades in the next month already, so prices may be of either."""

    symbol: str
    last_day: date
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Underlying:
    """The paper that an option is on. ``strike`` is None where no file told it."""

    symbol: str
    strike: Decimal | None
    expiry: date | None
    rule: str


def front_contract(symbol: str, at: datetime) -> Contract | None:
    """Return what a continuous future means at an instant. None: the symbol is none of WIN, IND, WDO and DOL.

    >>> front_contract("WINFUT", datetime.fromisoformat("2025-12-17T15:00:00-03:00")).symbol
    'WINZ25'
    >>> front_contract("WDO$N", datetime.fromisoformat("2026-11-30T18:30:00-03:00")).symbol
    'WDOF27'
    """
    found = _CONTINUOUS.fullmatch(symbol.upper())
    if found is None:
        return None
    root = found[1]
    is_index = root in _INDICES
    day = day_of(at)
    months = day.year * 12 + day.month - 1
    while True:
        year, month = divmod(months, 12)
        if not is_index or month % 2:
            last_day = _index_day(year, month + 1) if is_index else _dollar_day(year, month + 1)
            if at < session_hours(last_day, futures=True)[1]:
                rule = INDEX_RULE if is_index else DOLLAR_RULE
                return Contract(symbol=f"{root}{_MONTHS[month]}{year % 100:02}", last_day=last_day, rule=rule)
        months += 1


def _index_day(year: int, month: int) -> date:
    middle = date(year, month, 15)
    # the nearest Wednesday is up to three days away
    nearest = next(
        day for days in range(-3, 4) if (day := middle + timedelta(days=days)).weekday() == _WEDNESDAY
    )
    return session_from(nearest)


def _dollar_day(year: int, month: int) -> date:
    return sessions_before(session_from(date(year, month, 1)), 1)[0]


def underlying_of(option: str, instruments: Iterable[Instrument], at: datetime) -> Underlying | None:
    """Return the paper that an option is on. None: it is no option, or the instruments do not tell.

    ``instruments`` are those whose symbol begins with the option's four letters. ``at`` is when the option was named: the
    exchange uses its symbol again in a later year.
    """
    found = _OPTION.fullmatch(option.upper())
    if found is None:
        return None
    letters, series, week = found.groups()
    known = [each for each in instruments if each.symbol.startswith(letters)]
    terms = next((each for each in known if each.symbol == option.upper()), None)
    # odd lots are the same paper under another symbol
    papers = [
        each
        for each in known
        if each.kind is InstrumentKind.SHARE and not each.symbol.endswith(("F", "B", "L"))
    ]
    same = [each for each in papers if terms and terms.isin and each.isin == terms.isin]
    if not same and len(papers) != 1:
        return None
    return Underlying(
        symbol=(same or papers)[0].symbol,
        strike=terms.strike if terms and _is_of(terms, at) else None,
        expiry=_expiry(series, week, terms, at),
        rule=ISIN_RULE if same else ONLY_RULE,
    )


def last_day_of(symbol: str, instruments: Iterable[Instrument], at: datetime) -> date | None:
    """Return the last day of the month of a future or of an option that was named at an instant. None: it has none, or an unknown one.

    >>> str(last_day_of("WINZ26", [], datetime.fromisoformat("2026-11-02T15:00:00-03:00")))
    '2026-12-16'
    >>> str(last_day_of("PETRL330", [], datetime.fromisoformat("2026-11-02T15:00:00-03:00")))
    '2026-12-18'
    """
    if month := _MONTH.fullmatch(symbol):
        root, letter, year = month.groups()
        rule = _index_day if root in _INDICES else _dollar_day
        return rule(2000 + int(year), _MONTHS.index(letter) + 1)
    if option := _OPTION.fullmatch(symbol):
        terms = next((each for each in instruments if each.symbol == symbol), None)
        return _expiry(option[2], option[3], terms, at)
    return None


_YEAR = timedelta(days=360)


def _is_of(terms: Instrument, at: datetime) -> bool:
    # the table has the series that expires last; that of another year has another strike
    return terms.expiry is not None and timedelta() <= terms.expiry - day_of(at) < _YEAR


def _expiry(series: str, week: str | None, terms: Instrument | None, at: datetime) -> date | None:
    if terms is not None and _is_of(terms, at):
        return terms.expiry
    return _option_expiry("ABCDEFGHIJKLMNOPQRSTUVWX".index(series) % 12 + 1, week, day_of(at))


def _option_expiry(month: int, week: str | None, day: date) -> date | None:
    """Return the expiry of a series from ``day`` on: the third Friday, or that of its week, or the session before it."""
    for year in (day.year, day.year + 1):
        fridays = [
            friday
            for number in range(35)
            if (friday := date(year, month, 1) + timedelta(days=number)).weekday() == _FRIDAY
        ]
        expiry = fridays[int(week or 3) - 1]
        if not is_session(expiry):
            expiry = sessions_before(expiry, 1)[0]
        if expiry >= day:
            return expiry if expiry >= _FRIDAYS_SINCE else None
    return None
