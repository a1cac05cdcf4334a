"""The child that carries out requests to read the history, wherever they were made."""

from __future__ import annotations

from functools import partial

from actors.history_requests import HistoryRequestKeeper
from actors.names import HISTORY_REQUESTS
from engine.spec import ChildSpec
from ops.stores import Stores
from storage.postgres.history_requests import HistoryRequests

__all__ = ["history_requests_spec"]


def history_requests_spec(stores: Stores) -> ChildSpec:
    """Return the child. It works where the history is imported, and waits where it is not."""
    factory = partial(HistoryRequestKeeper.start, requests=HistoryRequests(stores.database))
    return ChildSpec(name=HISTORY_REQUESTS, factory=factory, parkable=True)
