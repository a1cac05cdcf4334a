"""Prices for the sample history of the demo: random walks in which each signal meets a fate, the same on each call of a day.

Bars of five minutes from the session of a signal until its fate has come, and bars of days for 260 sessions before the history and
all of its own. Most fates are what the channel claims; some are not, as with real channels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from actors.analysis.contracts import front_contract, underlying_of
from actors.grammar import read
from engine.bars import Bar, Interval
from engine.instruments import Instrument, InstrumentKind
from engine.model import Event, Side, Signal
from engine.sessions import day_of, session_hours, sessions_before
from ops.local.sample import load_sample

__all__ = ["sample_bars", "sample_instruments"]

#: an average of 200 sessions needs as many before the first signal
_SESSIONS = 300
_STEP = timedelta(minutes=5)
#: sessions that a fate takes to come
_SWING, _ONE_SESSION = 3, 1
_DAYS_MOVE = 0.012
#: what becomes of signals of which the channel claims nothing, in turns
_TURNS = ("final", "stop", "first", "wait", "stop")
#: each of so many claims is false
_FALSE_CLAIM = 6
#: so many sessions before today this paper is split two for one, and its signal is not judged across it
_SPLIT, _SPLIT_AGO = "KNRI11", 6
_RIGHTS = 100
_FUTURES = ("WIN", "IND", "WDO", "DOL")
_TICKS = {"WIN": Decimal(5), "IND": Decimal(5), "WDO": Decimal("0.5"), "DOL": Decimal("0.5")}
#: the papers of the options in the history, and what a strike's digits are divided by
_PAPERS = {
    **dict.fromkeys(("PETR", "BBDC", "ITUB"), ("4", 10)),
    **dict.fromkeys(("VALE", "PRIO", "ABEV", "MGLU", "BBAS"), ("3", 10)),
    "BOVA": ("11", 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posted:
    """A signal with its instant, and what becomes of it."""

    at: datetime
    signal: Signal
    symbol: str
    fate: str


def sample_bars(now: datetime) -> Iterator[Bar]:
    """Yield the bars of all assets of the history, up to the session before ``now``."""
    sessions = sessions_before(day_of(now), _SESSIONS)[::-1]
    posted = _posted(now)
    of_symbol = defaultdict(list)
    for each in posted:
        of_symbol[each.symbol].append(each)
    terms = {each.symbol: each for each in sample_instruments(now) if each.strike}
    for symbol in sorted(of_symbol):
        expiry = terms[symbol].expiry if symbol in terms else None
        for bar in _walk(symbol, of_symbol[symbol], sessions):
            day = day_of(bar.opened_at)
            if expiry is None or day <= expiry:
                yield _split(bar) if symbol == _SPLIT and day >= sessions[-_SPLIT_AGO] else bar
    strikes = {each.underlying: each.strike for each in terms.values() if each.underlying not in of_symbol}
    for paper, strike in strikes.items():
        yield from _days(str(paper), float(strike or 1), sessions)


def _split(bar: Bar) -> Bar:
    """Return a bar as it is after the split."""

    def half(price: Decimal) -> Decimal:
        return (price / 2).quantize(Decimal("0.01"))

    return replace(
        bar,
        open=half(bar.open),
        high=half(bar.high),
        low=half(bar.low),
        close=half(bar.close),
        distribution=_RIGHTS + 1,
    )


def sample_instruments(now: datetime) -> list[Instrument]:
    """Return the options of the history, with their papers."""
    found: dict[str, Instrument] = {}
    for each in _posted(now):
        suffix, divisor = _PAPERS.get(each.symbol[:4], ("", 1))
        paper = Instrument(
            symbol=each.symbol[:4] + suffix, kind=InstrumentKind.SHARE, isin=f"SAMPLE{each.symbol[:4]}"
        )
        terms = underlying_of(each.symbol, [paper], each.at)
        if suffix and terms is not None:
            found[paper.symbol] = paper
            found[each.symbol] = Instrument(
                symbol=each.symbol,
                kind=InstrumentKind.CALL if each.symbol[4] < "M" else InstrumentKind.PUT,
                underlying=paper.symbol,
                strike=Decimal(each.symbol[5:].partition("W")[0]) / divisor,
                expiry=terms.expiry,
                isin=paper.isin,
            )
    return list(found.values())


def _posted(now: datetime) -> list[_Posted]:
    """Return the signals of the history with their fates."""
    signals: list[tuple[datetime, Signal]] = []
    claims: dict[str, list[tuple[datetime, Event]]] = defaultdict(list)
    for message in load_sample(now):
        at = datetime.fromisoformat(message["telegramDate"] or message["receivedAt"])
        reading = read(message["text"], message["caption"])
        signals += [(at, signal) for signal in reading.signals if signal.buy_min]
        for event in reading.events:
            if event.asset and (event.target is not None or event.stop_hit):
                claims[event.asset].append((at, event))
    posted = []
    for number, (at, signal) in enumerate(signals):
        claim = next((event for told_at, event in claims[signal.asset] if told_at > at), None)
        front = front_contract(signal.asset, at)
        fate = _fate(number, signal, claim)
        symbol = front.symbol if front else signal.asset
        posted.append(_Posted(at=at, signal=signal, symbol=symbol, fate=fate))
    return posted


def _fate(number: int, signal: Signal, claim: Event | None) -> str:
    if claim is None:
        return _TURNS[number % len(_TURNS)]
    is_true = number % _FALSE_CLAIM > 0
    if claim.stop_hit:
        return "stop" if is_true else "first"
    if not is_true:
        return "stop"
    return "final" if claim.target in {0, len(signal.targets)} else "first"


def _walk(symbol: str, posted: Sequence[_Posted], sessions: Sequence[date]) -> Iterator[Bar]:
    """Yield the bars of an asset: days before its first signal, then the fates, and days between them."""
    random = Random(symbol)  # noqa: S311 - prices of a demo
    of_session: dict[date, list[float]] = {}
    for each in posted:
        for day, path in _path(each, sessions, random):
            of_session.setdefault(day, path)
    first = min(of_session, default=sessions[-1])
    before = [day for day in sessions if day < first]
    start = of_session[first][0] if of_session else float(posted[0].signal.buy_min or 1)
    price = start
    closes = []
    for _ in before:
        closes.append(price)
        price /= 1 + random.gauss(0, _DAYS_MOVE)
    for day, close in zip(before, reversed(closes), strict=True):
        yield _bar(symbol, Interval.DAY, _hours(symbol, day), [price, close], random)
        price = close
    for day in (day for day in sessions if day >= first):
        path = of_session.get(day) or [price, price * (1 + random.gauss(0, _DAYS_MOVE))]
        price = path[-1]
        bars = _finer(symbol, day, path, random) if day in of_session else []
        yield from bars
        yield (
            _whole(symbol, day, bars)
            if bars
            else _bar(symbol, Interval.DAY, _hours(symbol, day), path, random)
        )


def _days(symbol: str, price: float, sessions: Sequence[date]) -> Iterator[Bar]:
    """Yield bars of days alone."""
    random = Random(symbol)  # noqa: S311 - as above
    for day in sessions:
        opened, price = price, price * (1 + random.gauss(0, _DAYS_MOVE))
        yield _bar(symbol, Interval.DAY, _hours(symbol, day), [opened, price], random)


def _path(each: _Posted, sessions: Sequence[date], random: Random) -> Iterator[tuple[date, list[float]]]:
    """Yield the prices at each step of the sessions in which a signal's fate comes."""
    signal = each.signal
    is_short = signal.signal_type in {"Day Trade", "Scalping"}
    days = [day for day in sessions if each.at < _hours(each.symbol, day)[1] - _STEP]
    days = days[: _ONE_SESSION if is_short else _SWING]
    if not days:
        return
    entry = float((signal.buy_min or 0) + (signal.buy_max or 0)) / 2
    way = 1 if signal.side is Side.BUY else -1
    risk = abs(entry - float(signal.stop)) if signal.stop else entry * 0.02
    stop = entry - way * risk
    targets = [float(target) for target in signal.targets] or [entry + way * 2 * risk]
    final = float(signal.target_final or targets[-1])
    begin = _hours(each.symbol, days[0])[0]
    steps = sum(_steps(each.symbol, day) for day in days)
    at = min(max(int((each.at - begin) / _STEP), 0) + 2, steps - 6)
    beyond = way * risk * 0.1
    ends = {
        "final": [(0.4, targets[0] + beyond), (0.9, final + beyond), (1.0, final)],
        "first": [(0.4, targets[0] + beyond), (0.9, stop - beyond), (1.0, stop - beyond)],
        "stop": [(0.3, entry + beyond), (0.8, stop - beyond), (1.0, stop - 2 * beyond)],
        "wait": [(0.5, entry + way * 2 * risk), (1.0, entry + way * 3 * risk)],
    }[each.fate]
    here = entry + way * risk if each.fate == "wait" else entry
    points = [(0, here - beyond), (at, here), (at + 4, here)]
    points += [(at + 4 + max(1, int((steps - at - 4) * part)), price) for part, price in ends]
    prices = _between(points, steps, risk * 0.03, random)
    for day in days:
        count = _steps(each.symbol, day)
        yield day, prices[: count + 1]
        prices = prices[count:]


def _between(points: Sequence[tuple[int, float]], steps: int, noise: float, random: Random) -> list[float]:
    """Return the price at the begin of each step and at the end of the last one."""
    prices = []
    at = 0
    for step in range(steps + 1):
        while at + 2 < len(points) and points[at + 1][0] <= step:
            at += 1
        (begin, low), (end, high) = points[at], points[at + 1]
        part = min(1.0, (step - begin) / max(1, end - begin))
        prices.append(low + (high - low) * part + random.gauss(0, noise))
    return prices


def _finer(symbol: str, day: date, path: Sequence[float], random: Random) -> list[Bar]:
    begin = _hours(symbol, day)[0]
    return [
        _bar(
            symbol,
            Interval.FIVE_MINUTES,
            (begin + step * _STEP, begin + (step + 1) * _STEP),
            path[step : step + 2],
            random,
        )
        for step in range(len(path) - 1)
    ]


def _whole(symbol: str, day: date, bars: Sequence[Bar]) -> Bar:
    opened_at, closed_at = _hours(symbol, day)
    return Bar(
        symbol=symbol,
        interval=Interval.DAY,
        opened_at=opened_at,
        closed_at=closed_at,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume or 0 for bar in bars),
        distribution=_RIGHTS,
    )


def _bar(
    symbol: str,
    interval: Interval,
    hours: tuple[datetime, datetime],
    prices: Sequence[float],
    random: Random,
) -> Bar:
    tick = _TICKS.get(symbol[:3], Decimal("0.01"))

    def price(value: float) -> Decimal:
        return max(1, round(value / float(tick))) * tick

    # a day leaves the way from open to close, five minutes hardly
    spread = abs(random.gauss(0, _DAYS_MOVE / 3)) if interval is Interval.DAY else 0.0
    return Bar(
        symbol=symbol,
        interval=interval,
        opened_at=hours[0],
        closed_at=hours[1],
        open=price(prices[0]),
        high=price(max(prices) * (1 + spread)),
        low=price(min(prices) * (1 - spread)),
        close=price(prices[-1]),
        volume=random.randrange(1000, 500_000),
        distribution=_RIGHTS,
    )


def _hours(symbol: str, day: date) -> tuple[datetime, datetime]:
    return session_hours(day, futures=symbol.startswith(_FUTURES))


def _steps(symbol: str, day: date) -> int:
    opened_at, closed_at = _hours(symbol, day)
    return int((closed_at - opened_at) / _STEP)
