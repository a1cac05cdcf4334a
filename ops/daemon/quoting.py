"""The fetcher of quotes as a child of the supervisor."""

from __future__ import annotations

import functools
from random import Random

from actors.names import QUOTES
from actors.quotes import QuoteFetcher
from actors.shown.metrics import Metrics
from config import Settings
from engine.bars import Interval
from engine.spec import ChildSpec
from ops.stores import Stores
from storage.postgres.bars import Bars
from storage.postgres.instruments import Instruments
from storage.postgres.open_assets import OpenAssets

__all__ = ["quotes_spec"]

#: a call to the service has a deadline of 20 s, and a write of 8 s
_BEAT_S = 60.0


def quotes_spec(settings: Settings, stores: Stores, *, metrics: Metrics) -> ChildSpec:
    """Return the spec of the actor that asks a quote service."""
    prices, database = settings.prices, stores.database
    service = stores.quote_service()
    factory = functools.partial(
        QuoteFetcher.start,
        service=service,
        bars=Bars(database),
        instruments=Instruments(database),
        assets=OpenAssets(database),
        interval=Interval(prices.quotes_interval),
        back=prices.quotes_range,
        budget=prices.quotes_daily_requests,
        now=database.now,
        metrics=metrics,
        random=Random(),  # noqa: S311 - jitter, not cryptography
    )
    return ChildSpec(
        name=QUOTES, factory=factory, parkable=True, interrupt=service.interrupt, heartbeat_limit_s=_BEAT_S
    )
