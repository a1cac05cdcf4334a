"""An un-started channel keeper, a table in memory, and recorders for those it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast

from actors.channels import ChannelReconciler
from actors.names import CHANNELS
from actors.shown.snapshots import BackfillPhase, BackfillSnapshot, ChannelProgress, ChannelsSnapshot
from engine.children import ChildSnapshot, ChildState, Phase, SupervisorSnapshot
from engine.messages import AddChild, ChannelsChanged, FollowChannels, RemoveChild
from engine.spec import SUPERVISOR, ChildSpec
from storage.errors import StorageError
from storage.postgres.channels import ChannelRow, Channels
from tests.support.clock import START
from tests.support.recording import World

__all__ = ["SETTINGS", "FakeChannels", "Keeping", "family_of"]

SETTINGS = ("-1", "-2")


def family_of(*names: str, phase: Phase = Phase.RUNNING) -> SupervisorSnapshot:
    """Return what a supervisor shows whose children all run."""
    children = tuple(
        ChildSnapshot(
            name=name,
            state=ChildState.RUNNING,
            generation=1,
            restarts=0,
            last_error=None,
            since=START,
            beat_age_s=0,
            mailbox=0,
            unknown=0,
        )
        for name in names
    )
    return SupervisorSnapshot(phase=phase, children=children)


class FakeChannels:
    """The table, in memory. ``down`` fails every call, ``read_only`` those that write."""

    def __init__(self) -> None:
        self.rows: dict[str, ChannelRow] = {}
        self.down: StorageError | None = None
        self.read_only: StorageError | None = None
        self.writes = 0

    def put(self, channel: str, *, label: str | None = None, source: str = "api") -> None:
        self.rows[channel] = ChannelRow(channel=channel, label=label, source=source, added_at=START)

    def load(self) -> tuple[ChannelRow, ...]:
        if self.down is not None:
            raise self.down
        return tuple(self.rows.values())

    def enter_settings(self) -> None:
        self.writes += 1
        if self.read_only is not None:
            raise self.read_only
        for channel in SETTINGS:
            if channel not in self.rows:
                self.put(channel, source="settings")


class Keeping(World):
    """A keeper among a supervisor and a backfill that do what they are told, or not."""

    def __init__(self, kinds: Sequence[str] = ("poller", "doorbell")) -> None:
        super().__init__()
        self.channels = FakeChannels()
        self.supervisor = self.recorder(SUPERVISOR)
        self.backfill = self.recorder("backfill")
        self.kinds = kinds
        self.children = [f"{kind}:{channel}" for kind in kinds for channel in SETTINGS]
        self.made: list[str] = []
        self.show_family()
        self.show_backfill(SETTINGS)
        self.reconciler = self.make()

    def make(self, generation: int = 1) -> ChannelReconciler:
        reconciler = ChannelReconciler(
            self.context(CHANNELS, generation),
            settings=SETTINGS,
            channels=cast("Channels", self.channels),
            makers={kind: self._maker(kind) for kind in self.kinds},
            markets={},
            metrics=self.metrics,
        )
        reconciler.on_start()
        self.supervisor.taken()
        return reconciler

    def _maker(self, kind: str) -> Callable[[str], ChildSpec]:
        def make(channel: str) -> ChildSpec:
            self.made.append(f"{kind}:{channel}")
            return ChildSpec(name=f"{kind}:{channel}", factory=lambda _: self.supervisor.actor_ref)

        return make

    def show_family(self, phase: Phase = Phase.RUNNING) -> None:
        """Have the supervisor show the children there are."""
        self.snapshots.publish(SUPERVISOR, family_of("writer", *self.children, phase=phase))

    def show_backfill(self, channels: Sequence[str], completed_at: datetime | None = None) -> None:
        """Have backfill show what it reads."""
        progress = tuple(
            ChannelProgress(
                channel=channel,
                rows_read=0,
                pages=0,
                found=0,
                total=None,
                completed_at=completed_at,
                tail_found=0,
            )
            for channel in channels
        )
        self.snapshots.publish(
            "backfill",
            BackfillSnapshot(
                phase=BackfillPhase.COMPLETED, channels=progress, error=None, failing_since=None
            ),
        )

    def obey(self) -> list[str]:
        """Do as the supervisor was told; return what that was, as ``+name`` and ``-name``."""
        orders = []
        for told in self.supervisor.taken():
            if isinstance(told, AddChild):
                orders.append(f"+{told.spec.name}")
                self.children.append(told.spec.name)
            elif isinstance(told, RemoveChild):
                orders.append(f"-{told.name}")
                self.children.remove(told.name)
        self.show_family()
        return orders

    def followed(self) -> list[tuple[str, ...]]:
        """Return what backfill was told to follow since the last call."""
        return [told.channels for told in self.backfill.taken() if isinstance(told, FollowChannels)]

    def ring(self) -> None:
        """Tell the keeper that the table has changed."""
        self.reconciler.on_receive(ChannelsChanged())

    def pass_s(self, seconds: float) -> None:
        self.advance(seconds, self.reconciler)

    @property
    def snapshot(self) -> ChannelsSnapshot:
        return self.shown(CHANNELS, ChannelsSnapshot)
