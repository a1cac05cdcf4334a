"""The client of a quote service that answers as brapi.dev does: ``GET /api/quote/PETR4?range=3mo&interval=1d``.

Its prices of days are adjusted for later splits. It tells the original ones beside them (``rawOpen`` ...) on some plans, and
those are taken where they are there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import requests
import urllib3

from engine.bars import Bar, Interval
from engine.safe_text import printable
from engine.sessions import day_of
from engine.timers import Timers
from storage.deadline import cut_after
from storage.errors import StorageError
from storage.http_connection import KeptConnections, plain_cause, read_at_most
from storage.quotes.reading import BadRecord, bar_or_bad, hours_of, kind_of

__all__ = ["QuoteService", "QuotesError", "QuotesRefusedError", "UnknownSymbolError"]

#: a history of minutes of several days takes less
_MOST_BYTES = 4 * 1024 * 1024
#: seconds to wait if the answer does not tell
_WAITS_S = {429: 60.0, 402: 6 * 3600.0, 401: 3600.0, 403: 3600.0}
_LONGEST_WAIT_S = 24 * 3600.0
_REASONS = {
    429: "too many requests",
    402: "the plan's requests are used up, or it does not cover this",
    401: "QUOTES_TOKEN is missing or wrong",
    403: "QUOTES_TOKEN is not allowed this",
}
#: the service computes with binary fractions, whose noise begins behind these places
_PLACES = Decimal("0.0001")


class QuotesError(StorageError):
    """The service cannot be reached, or answers what nobody can use."""


class QuotesRefusedError(QuotesError):
    """The service is well and refuses. The next call may be made after ``wait_s`` seconds."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class UnknownSymbolError(QuotesError):
    """The service is well and has no prices of this symbol."""


class QuoteService:
    """One caller's client: a kept connection, a total deadline for each call, no redirects."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        timeout_s: float,
        timers: Timers,
        login: tuple[str, str] | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._timers = timers
        self._session = requests.Session()
        # proxies and netrc of the environment must not decide where the token is sent
        self._session.trust_env = False
        self._session.auth = login
        self._adapter = KeptConnections()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def history(self, symbol: str, *, interval: Interval, back: str) -> list[Bar]:
        """Return the bars of a symbol in order, as far back as ``back`` (such as 3mo). What is no bar is left out.

        Raises:
            UnknownSymbolError: it has no prices of the symbol.
            QuotesRefusedError: it refuses for some time.
            QuotesError: it failed.
        """
        answer = self._call(
            f"/api/quote/{quote(symbol, safe='')}", {"range": back, "interval": interval.value}
        )
        results = answer.get("results")
        if not isinstance(results, list):
            raise QuotesError("the answer has no list of results")
        found = next(
            (each for each in results if isinstance(each, dict) and each.get("symbol") == symbol), None
        )
        if found is None:
            raise UnknownSymbolError(f"{symbol} is unknown")
        rows = found.get("historicalDataPrice")
        if not isinstance(rows, list) or not rows:
            raise UnknownSymbolError(f"{symbol} has no history")
        bars = [bar for row in rows if (bar := _bar(row, symbol, interval)) is not None]
        if not bars:
            raise QuotesError(f"no row of {symbol} is a bar")
        return sorted(bars, key=lambda bar: bar.opened_at)

    def interrupt(self) -> None:
        """End the running call, from another thread."""
        self._adapter.shut_down()

    def close(self) -> None:
        """Close the kept connection."""
        self._session.close()

    def _call(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        self._adapter.begin_call()
        with cut_after(self._timers, self._timeout_s, self._adapter.shut_down) as cut:
            try:
                with self._session.get(
                    self._url + path,
                    params=params,
                    timeout=(min(self._timeout_s, 5.0), self._timeout_s),
                    stream=True,
                    allow_redirects=False,
                ) as response:
                    status, headers = response.status_code, response.headers
                    content = read_at_most(response, _MOST_BYTES)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                cause = "no complete answer in time" if cut.happened else plain_cause(error)
                raise QuotesError(f"{cause} at {path}") from error
        _check(status, headers, path)
        if content is None:
            raise QuotesError(f"the answer of {path} is larger than {_MOST_BYTES} bytes")
        try:
            answer = json.loads(content, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise QuotesError(f"the answer of {path} is not JSON") from None
        if not isinstance(answer, dict):
            raise QuotesError(f"the answer of {path} is not a JSON object")
        if answer.get("error"):
            raise QuotesError(f"{path}: {printable(str(answer.get('message')))[:120]}")
        return answer


def _check(status: int, headers: Mapping[str, str], path: str) -> None:
    if status in _WAITS_S:
        told = headers.get("Retry-After", "").strip()
        wait_s = float(told) if told.isascii() and told.isdecimal() else _WAITS_S[status]
        raise QuotesRefusedError(f"{status} at {path}: {_REASONS[status]}", min(wait_s, _LONGEST_WAIT_S))
    if status == 404:
        raise UnknownSymbolError(f"404 at {path}")
    # a redirect could send the token to another host
    if not 200 <= status < 300:
        raise QuotesError(f"{status} at {path}")


def _bar(row: object, symbol: str, interval: Interval) -> Bar | None:
    """Return the bar of a row; None if a value is missing or no price."""
    if not isinstance(row, dict):
        return None
    try:
        instant = datetime.fromtimestamp(int(row["date"]), UTC)
        names = ("open", "high", "low", "close")
        original: list[Any] = [row.get(f"raw{name.capitalize()}") for name in names]
        prices = original if all(original) else [row[name] for name in names]
        opened, high, low, close = (Decimal(price).quantize(_PLACES) for price in prices)
        if low <= 0:
            return None
        volume = row.get("volume")
        bar = bar_or_bad(
            Bar(
                symbol=symbol,
                open=opened,
                high=high,
                low=low,
                close=close,
                volume=int(volume) if volume else None,
                **_span(instant, symbol, interval),  # type: ignore[arg-type]
            ),
            "",
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, OSError):
        return None
    return None if isinstance(bar, BadRecord) else bar


def _span(instant: datetime, symbol: str, interval: Interval) -> dict[str, object]:
    if interval.length is not None:
        return {"interval": interval, "opened_at": instant, "closed_at": instant + interval.length}
    # a day is told as midnight UTC, or as an hour of the session
    is_midnight = instant == instant.replace(hour=0, minute=0, second=0)
    day: date = instant.date() if is_midnight else day_of(instant)
    return hours_of(day, kind_of(symbol))
