"""Quotes: asks a quote service for bars of the assets of valid signals, and of the papers that their options are on.

One asset at a time, under a breaker and a daily budget. Only what is newer than the newest stored bar is stored, and only bars that
have closed. So a price that was stored never changes afterwards, also where the service adjusts its history for a split. Of
several daemons the one that has the lease of maintenance asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

from actors.analysis.contracts import underlying_of
from actors.names import MAINTENANCE
from actors.shown.metrics import Metrics
from actors.shown.snapshots import QuotesSnapshot
from actors.sources.lease import may_work
from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.bars import BarSource, Interval
from engine.breaker import Breaker, BreakerPolicy
from engine.instruments import InstrumentKind
from engine.messages import Tick
from engine.sessions import day_of, is_session, midnight_after, session_hours, sessions_before
from engine.spec import Context
from storage.errors import StorageError
from storage.postgres.bars import Bars
from storage.postgres.instruments import Instruments
from storage.postgres.open_assets import OpenAssets
from storage.quotes.reading import kind_of
from storage.quotes.service import QuotesError, QuoteService, QuotesRefusedError, UnknownSymbolError

__all__ = ["QuoteFetcher"]

#: how often it looks which assets lack bars
PLAN_EVERY_S = 120.0
#: a request at most so often
PACE_S = 2.0
#: a bar that closed is told by then
SETTLED = timedelta(minutes=30)
#: a symbol without news is asked again no sooner; one without prices once a day
ASK_AGAIN_S = {True: 6 * 3600.0, False: 900.0}
UNKNOWN_AGAIN_S = 24 * 3600.0
BREAKER = BreakerPolicy(window=10, minimum=3, reset_s=120.0, horizon_s=900.0)
BACKOFF = Backoff(first_s=5.0, cap_s=300.0)


class QuoteFetcher(Actor):
    """Fetches in its own thread. Each call to the service has a deadline."""

    def __init__(
        self,
        context: Context,
        *,
        service: QuoteService,
        bars: Bars,
        instruments: Instruments,
        assets: OpenAssets,
        interval: Interval,
        back: str,
        budget: int,
        now: Callable[[], datetime],
        metrics: Metrics,
        random: Random,
    ) -> None:
        super().__init__(context)
        self._service = service
        self._bars = bars
        self._instruments = instruments
        self._assets = assets
        self._interval = interval
        self._back = back
        self._budget = budget
        self._now = now
        self._metrics = metrics
        self._breaker = Breaker(BREAKER)
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._waiting: deque[str] = deque()
        #: monotonic: when each symbol may be asked again
        self._again_s: dict[str, float] = {}
        self._day: date | None = None
        self._spent = 0

    def _open(self) -> None:
        self._publish()
        self.tick_later("ask", 0)

    def _close(self) -> None:
        self._service.close()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose != "ask":
            return
        now_s = self.clock.monotonic_s()
        if not may_work(self.context.services.snapshots, MAINTENANCE, now_s):
            self._waiting.clear()
            self.tick_later("ask", PLAN_EVERY_S)
            return
        try:
            wait_s = self._step(now_s)
        except StorageError as error:
            self._failed(str(error))
            wait_s = self._retry.wait_s(now_s)
        self._publish()
        self.tick_later("ask", wait_s)

    def _step(self, now_s: float) -> float:
        """Ask for one symbol, and return the seconds until the next step."""
        now = self._now()
        if not self._waiting:
            self._waiting.extend(self._due(now, now_s))
            if not self._waiting:
                return PLAN_EVERY_S
        if day_of(now) != self._day:
            self._day, self._spent = day_of(now), 0
        if self._spent >= self._budget:
            self._failed(f"the {self._budget} requests of this day are used up")
            return (midnight_after(day_of(now)) - now).total_seconds()
        permit = self._breaker.ask(now_s)
        if permit is None:
            return max(self._breaker.wait_s(now_s), PACE_S)
        symbol = self._waiting.popleft()
        self._spent += 1
        result = "failed"
        try:
            result, wait_s = self._ask(symbol, now, now_s)
        except QuotesError as error:
            self._breaker.failed(permit, now_s)
            # last in the row: one symbol that cannot be read does not hold up the others
            self._waiting.append(symbol)
            self._failed(str(error))
            return max(self._retry.wait_s(now_s), PACE_S)
        except StorageError:
            self._breaker.dropped(permit)
            raise
        else:
            self._breaker.succeeded(permit, now_s)
            return wait_s
        finally:
            self._metrics.quote_requests.labels(result).inc()

    def _ask(self, symbol: str, now: datetime, now_s: float) -> tuple[str, float]:
        """Fetch and store the bars of a symbol. Return the result and the seconds until the next step."""
        try:
            found = self._service.history(symbol, interval=self._interval, back=self._back)
        except UnknownSymbolError as error:
            self._again_s[symbol] = now_s + UNKNOWN_AGAIN_S
            self.log.info("quotes.unknown", symbol=symbol, error=str(error))
            self._retry.succeeded()
            return "unknown", PACE_S
        except QuotesRefusedError as error:
            self._waiting.appendleft(symbol)
            self._failed(str(error))
            return "refused", max(error.wait_s, PACE_S)
        newest = self._bars.newest(symbol).get(self._interval)
        news = [
            bar
            for bar in found
            if bar.closed_at + SETTLED <= now and (newest is None or bar.opened_at > newest.opened_at)
        ]
        if news:
            self._bars.put(news, source=BarSource.QUOTES)
        self._again_s[symbol] = now_s + ASK_AGAIN_S[self._interval is Interval.DAY]
        self.log.debug("quotes.fetched", symbol=symbol, bars=len(news))
        self._retry.succeeded()
        return "ok", PACE_S

    def _due(self, now: datetime, now_s: float) -> list[str]:
        """Return the symbols whose newest bar should have been followed by another one."""
        expected = self._expected(now)
        if expected is None:
            return []
        due = []
        for symbol in sorted({paper for asset in self._assets.names() if (paper := self._paper(asset, now))}):
            if self._again_s.get(symbol, 0.0) > now_s:
                continue
            newest = self._bars.newest(symbol).get(self._interval)
            if newest is None or newest.closed_at < expected:
                due.append(symbol)
            self.beat()
        return due

    def _expected(self, now: datetime) -> datetime | None:
        """Return when the last bar closed that the service should tell. None: none is expected now."""
        today = day_of(now)
        if self._interval is Interval.DAY:
            days = [*([today] if is_session(today) else []), *sessions_before(today, 1)]
            return next((end for day in days if (end := session_hours(day)[1]) + SETTLED <= now), None)
        opened_at, closed_at = session_hours(today)
        in_time = is_session(today) and opened_at + SETTLED <= now <= closed_at + 3 * SETTLED
        return min(now, closed_at) - SETTLED - (self._interval.length or timedelta()) if in_time else None

    def _paper(self, asset: str, now: datetime) -> str | None:
        """Return the share whose prices are asked for: the asset, or what an option is on. Futures have none."""
        kind = kind_of(asset)
        if kind is InstrumentKind.SHARE:
            # odd lots are traded apart, and services tell no prices of theirs
            return None if asset.endswith("F") else asset
        if kind not in {InstrumentKind.CALL, InstrumentKind.PUT}:
            return None
        found = underlying_of(asset, self._instruments.starting(asset[:4]), now)
        return found.symbol if found else None

    def _failed(self, error: str) -> None:
        now_s = self.clock.monotonic_s()
        if self._retry.failed(error, at=self.clock.now(), now_s=now_s):
            self.log.warning("quotes.waiting", error=error)

    def _publish(self) -> None:
        self.publish(
            QuotesSnapshot(requests=self._spent, error=self._retry.error, failing_since=self._retry.since)
        )
