"""Channel reconciler: keeps pollers, doorbells and backfill in step with the channels that are wanted.

Every few seconds it compares the wanted channels with the running children and sends only the difference. So it
does not matter who changed the table (this daemon's API, another daemon, a person with SQL), whether the database
was unavailable at the start, or which of its messages was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from actors.names import BACKFILL, CHANNELS, POLLER, of_channel
from actors.shown.metrics import Metrics
from actors.shown.snapshots import BackfillSnapshot, ChannelEntry, ChannelsSnapshot
from actors.sources.lease import may_work
from engine.actor import Actor, handles
from engine.children import Phase, SupervisorSnapshot
from engine.messages import AddChild, ChannelsChanged, FollowChannels, RemoveChild, Tick
from engine.model import Market
from engine.spec import SUPERVISOR, ChildSpec, Context
from storage.errors import StorageError
from storage.postgres.channels import ChannelRow, Channels

__all__ = ["SETTINGS_SOURCE", "ChannelReconciler"]

#: the source of a channel that is listed in the settings
SETTINGS_SOURCE = "settings"
#: for changes by another process; those of this one are told at once
LOOK_EVERY_S = 5.0


class ChannelReconciler(Actor):
    """Keeps the children of each channel in step with the settings and the table.

    ``settings`` are the channels that are always read. ``makers`` maps the first part of a child's name
    (``poller`` of ``poller:-1001``) to the function that makes its spec for a channel. ``markets`` are the
    markets that the settings give to channels.
    """

    def __init__(
        self,
        context: Context,
        *,
        settings: Sequence[str],
        channels: Channels,
        makers: Mapping[str, Callable[[str], ChildSpec]],
        markets: Mapping[str, Market],
        metrics: Metrics,
    ) -> None:
        super().__init__(context)
        self._settings = tuple(settings)
        self._channels = channels
        self._makers = makers
        self._markets = markets
        self._metrics = metrics
        self._rows: tuple[ChannelRow, ...] | None = None
        self._error: str | None = None
        self._sent: tuple[str, ...] = ()
        self._sent_at_s = 0.0
        self._labelled: set[str] = set()

    def _open(self) -> None:
        if self.context.services.snapshots.read(CHANNELS, ChannelsSnapshot) is None:
            self._publish()
        # Otherwise the list of an earlier generation holds until the database has answered.
        self.tick_later("look", 0)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._look()

    @handles(ChannelsChanged)
    def _on_channels_changed(self, _: ChannelsChanged) -> None:
        self._look()

    # ── looking and following ────────────────────────────────────────────────

    def _look(self) -> None:
        self.tick_each("look", LOOK_EVERY_S)
        try:
            self._rows = self._channels.load()
        except StorageError as error:
            # The known channels stay: an unavailable database does not mean that a channel was removed.
            if self._error is None:
                self.log.warning("channels.look_failed", error=str(error))
            self._error = str(error)
        else:
            self._error = None
            self._enter_settings(self._rows)
        self._publish()
        if self._rows is not None:
            self._follow(tuple(entry.channel for entry in self._entries(self._rows)))

    def _enter_settings(self, rows: Sequence[ChannelRow]) -> None:
        """Enter the channels of the settings in the table. They are read even if that fails."""
        if not set(self._settings).issubset(row.channel for row in rows):
            try:
                self._channels.enter_settings()
            except StorageError as error:
                self.log.debug("channels.enter_failed", error=str(error))

    def _follow(self, wanted: tuple[str, ...]) -> None:
        """Send the difference to supervisor and backfill. The next look sends again what they could not do."""
        snapshots = self.context.services.snapshots
        family = snapshots.read(SUPERVISOR, SupervisorSnapshot)
        if family is None or family.value.phase is not Phase.RUNNING:
            return
        present = {child.name for child in family.value.children}
        now_s = self.clock.monotonic_s()
        ours = {kind: make for kind, make in self._makers.items() if may_work(snapshots, kind, now_s)}
        for channel in wanted:
            for kind, make in ours.items():
                if f"{kind}:{channel}" not in present:
                    self.send(SUPERVISOR, AddChild(spec=make(channel)))
        for name in sorted(present):
            kind, _, channel = name.partition(":")
            # An acknowledger leaves after its poller, which still sends it the last batch.
            stays = (kind in ours and channel in wanted) or _is_needed(kind, channel, present)
            if kind in self._makers and not stays:
                self.send(SUPERVISOR, RemoveChild(name=name))
        self._tell_backfill(wanted)
        self._forget_labels(wanted, present)

    def _tell_backfill(self, wanted: tuple[str, ...]) -> None:
        shown = self.context.services.snapshots.read(BACKFILL, BackfillSnapshot)
        if shown is None or {channel.channel for channel in shown.value.channels} == set(wanted):
            return
        # The same list is sent again only after backfill has published since: it may be in a call of minutes
        # while the message waits in its mailbox.
        if wanted != self._sent or shown.at_s > self._sent_at_s:
            self._sent, self._sent_at_s = wanted, self.clock.monotonic_s()
            self.send(BACKFILL, FollowChannels(channels=wanted))

    def _forget_labels(self, wanted: tuple[str, ...], present: set[str]) -> None:
        """Remove the metrics of channels that are gone, once no child is left to change them."""
        self._labelled.update(wanted)
        for channel in self._labelled.difference(wanted):
            if not any(f"{kind}:{channel}" in present for kind in self._makers):
                self._metrics.forget_channel(channel)
                self._labelled.discard(channel)

    # ── showing ──────────────────────────────────────────────────────────────

    def _entries(self, rows: Sequence[ChannelRow]) -> tuple[ChannelEntry, ...]:
        """Return the wanted channels: first those of the settings in their order, then the others."""
        entries = {
            channel: ChannelEntry(
                channel=channel,
                label=None,
                source=SETTINGS_SOURCE,
                added_at=None,
                market=self._markets.get(channel, Market.B3),
            )
            for channel in self._settings
        }
        for row in rows:
            source = SETTINGS_SOURCE if row.channel in self._settings else row.source
            entries[row.channel] = ChannelEntry(
                channel=row.channel,
                label=row.label,
                source=source,
                added_at=row.added_at,
                market=row.market or self._markets.get(row.channel, Market.B3),
            )
        return tuple(entries.values())

    def _publish(self) -> None:
        published = self.context.services.snapshots.read(CHANNELS, ChannelsSnapshot)
        if self._rows is None and published is not None:
            entries, complete = published.value.channels, published.value.complete
        else:
            entries, complete = self._entries(self._rows or ()), self._rows is not None
        self.publish(ChannelsSnapshot(channels=entries, complete=complete, error=self._error))


def _is_needed(kind: str, channel: str, present: set[str]) -> bool:
    return kind == "acknowledger" and of_channel(POLLER, channel) in present
