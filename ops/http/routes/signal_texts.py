"""The JSON of signals, made once: a page that is not cached consists mostly of signals that other pages showed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from ops.http.kit.encoding import encode
from ops.http.routes.signal_objects import part_of_signal, signal_object
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Place, Signals, StoredPage

__all__ = ["SignalTexts"]

#: the memory for texts, that of the objects around each included
TEXTS_BYTES = 4 * 1024 * 1024
_AROUND_BYTES = 500


class SignalTexts:
    """Reads pages as JSON texts of their signals, one each. Thread-safe.

    The database says for each page which signals it has and in which state. A kept text is used only if its state is
    that one, so it cannot be outdated. The least recently used texts are dropped when space is short.
    """

    def __init__(self, signals: Signals, *, max_bytes: int = TEXTS_BYTES) -> None:
        self._signals = signals
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[int, tuple[Place, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def find(
        self, query: SignalQuery, *, fields: Sequence[str] = (), counted: bool = False
    ) -> tuple[list[bytes], StoredPage]:
        """Return the texts of a page, and the page. Texts of some ``fields`` only are made for each page.

        Raises:
            StorageError: the database cannot be read.
        """
        if fields:
            page = self._signals.find(query, counted=counted)
            return [encode(part_of_signal(row, fields)) for row in page.rows], page
        texts: dict[int, bytes] = {}

        def unknown(places: Sequence[Place]) -> list[Place]:
            texts.clear()
            texts.update(self._known(places))
            return [place for place in places if place.id not in texts]

        page = self._signals.find(query, unknown, counted=counted)
        texts |= {row["id"]: encode(signal_object(row)) for row in page.rows}
        self._keep(page, texts)
        return [texts[place.id] for place in page.places], page

    def _known(self, places: Sequence[Place]) -> dict[int, bytes]:
        known = {}
        with self._lock:
            for place in places:
                kept = self._kept.get(place.id)
                if kept is not None and kept[0] == place:
                    self._kept.move_to_end(place.id)
                    known[place.id] = kept[1]
        return known

    def _keep(self, page: StoredPage, texts: dict[int, bytes]) -> None:
        made = {row["id"] for row in page.rows}
        with self._lock:
            for place in page.places:
                if place.id in made:
                    self._drop(place.id)
                    self._kept[place.id] = place, texts[place.id]
                    self._bytes += _AROUND_BYTES + len(texts[place.id])
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, signal_id: int) -> None:
        former = self._kept.pop(signal_id, None)
        if former is not None:
            self._bytes -= _AROUND_BYTES + len(former[1])
