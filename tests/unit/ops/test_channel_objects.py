"""``/channels``: what a body may say, and what is said of a channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from actors.shown.snapshots import (
    BackfillPhase,
    BackfillSnapshot,
    ChannelEntry,
    ChannelProgress,
    PollerSnapshot,
    PollState,
)
from engine.breaker import BreakerState
from engine.children import ChildSnapshot, ChildState, Phase, SupervisorSnapshot
from engine.snapshot import Snapshots
from engine.spec import SUPERVISOR
from ops.http.kit.bodies import body_of
from ops.http.kit.problems import BadRequestError
from ops.http.routes.channel_models import ChannelBreaker, ChannelRequest
from ops.http.routes.channel_objects import channel_objects
from storage.postgres.channels import ChannelCounts
from tests.support.clock import START, FakeClock

# ── the body of POST /channels ───────────────────────────────────────────────


def objects_of(*arguments: Any, now: datetime) -> list[dict[str, Any]]:
    """Return the channels' objects by the names they have outside."""
    return [channel.model_dump(by_alias=True) for channel in channel_objects(*arguments, now=now)]


@pytest.mark.parametrize(
    ("body", "channel", "label", "given"),
    [
        ('{"id": "-1001649127710"}', "-1001649127710", None, False),
        ('{"id": -1001649127710}', "-1001649127710", None, False),
        ('{"id": "5", "label": null}', "5", None, True),
        ('{"id": "5", "label": "  TP Capital · Ações  "}', "5", "TP Capital · Ações", True),
        ('{"id": "5", "label": "👩‍💻 Sinais"}', "5", "👩‍💻 Sinais", True),
        (f'{{"id": "5", "label": "{"x" * 80}"}}', "5", "x" * 80, True),
    ],
)
def test_an_addition_is_read(body: str, channel: str, label: str | None, *, given: bool) -> None:
    asked = body_of(body.encode(), ChannelRequest)
    assert (asked.id, asked.label, "label" in asked.model_fields_set) == (channel, label, given)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("", ["id"]),
        ("not json", ["body"]),
        ('"-1001"', ["body"]),
        ('["-1001"]', ["body"]),
        ("{}", ["id"]),
        ('{"id": null}', ["id"]),
        ('{"id": true}', ["id"]),
        ('{"id": 1.5}', ["id"]),
        ('{"id": ""}', ["id"]),
        ('{"id": "@tpcapital"}', ["id"]),
        ('{"id": "-"}', ["id"]),
        ('{"id": "0"}', ["id"]),
        ('{"id": "-01001"}', ["id"]),
        ('{"id": "1 "}', ["id"]),
        ('{"id": "٣"}', ["id"]),
        ('{"id": "1234567890123456789"}', ["id"]),
        ('{"id": 12345678901234567890}', ["id"]),
        ('{"id": "5", "label": ""}', ["label"]),
        ('{"id": "5", "label": "  "}', ["label"]),
        ('{"id": "5", "label": 7}', ["label"]),
        (f'{{"id": "5", "label": "{"x" * 81}"}}', ["label"]),
        ('{"id": "5", "label": "two\\nlines"}', ["label"]),
        ('{"id": "5", "label": "nul\\u0000"}', ["label"]),
        ('{"id": "5", "label": "reversed \\u202e"}', ["label"]),
        ('{"id": "x", "label": 7, "name": "y"}', ["id", "label", "name"]),
    ],
)
def test_an_addition_that_cannot_be_used_is_told_with_all_that_is_wrong(body: str, fields: list[str]) -> None:
    with pytest.raises(BadRequestError) as caught:
        body_of(body.encode(), ChannelRequest)
    assert [field for field, _ in caught.value.errors] == fields


# ── the object ───────────────────────────────────────────────────────────────

ENTRY = ChannelEntry(channel="-5", label="Five", source="api", added_at=START)
POLLER = PollerSnapshot(
    channel="-5",
    state=PollState.EMPTY,
    breaker=BreakerState.CLOSED,
    breaker_calls=7,
    breaker_failures=1,
    breaker_openings=0,
    last_poll_at=START,
    last_success_at=START,
    asked_s=100.0,
    newest_message_at=START - timedelta(seconds=90),
    lag_s=1.23456,
    error=None,
    key_refused=False,
    failing_since=None,
    in_flight=2,
    unacknowledged=1,
)
COUNTS = {"-5": ChannelCounts(messages=40, signals=12, newest_received_at=START - timedelta(seconds=60))}


def snapshots(
    poller: PollerSnapshot | None = POLLER, child: ChildState | None = ChildState.RUNNING
) -> Snapshots:
    made = Snapshots(FakeClock())
    if poller is not None:
        made.publish("poller:-5", poller)
    children: tuple[ChildSnapshot, ...] = ()
    if child is not None:
        children = (
            ChildSnapshot(
                name="poller:-5",
                state=child,
                generation=1,
                restarts=0,
                last_error=None,
                since=START,
                beat_age_s=0,
                mailbox=0,
                unknown=0,
            ),
        )
    made.publish(SUPERVISOR, SupervisorSnapshot(phase=Phase.RUNNING, children=children))
    return made


def test_a_channel_is_told_with_its_polling_its_counts_and_its_history() -> None:
    shown = snapshots()
    progress = ChannelProgress(
        channel="-5",
        rows_read=30,
        pages=2,
        found=28,
        total=40,
        completed_at=None,
        tail_found=3,
        error="HTTP 500",
    )
    shown.publish(
        "backfill",
        BackfillSnapshot(phase=BackfillPhase.READING, channels=(progress,), error=None, failing_since=None),
    )
    (channel,) = objects_of(shown, [ENTRY], COUNTS, now=START)
    assert channel == {
        "id": "-5",
        "channel": "-5",
        "label": "Five",
        "source": "api",
        "market": "b3",
        "addedAt": START,
        "state": "polling",
        "error": None,
        "failingSince": None,
        "breaker": {"state": "closed", "calls": 7, "failures": 1, "openings": 0},
        "lastPollAt": START,
        "lastSuccessfulPollAt": START,
        "lastMessageAt": START - timedelta(seconds=60),
        "lastMessageAgeSeconds": 60,
        "lagSeconds": 1.235,
        "inFlight": 2,
        "unacknowledged": 1,
        "signals": 12,
        "signal_count": 12,
        "messages": 40,
        "backfill": {
            "rowsRead": 30,
            "gatewayTotal": 40,
            "pages": 2,
            "newHere": 28,
            "foundByTailChecks": 3,
            "completedAt": None,
            "error": "HTTP 500",
        },
    }


def test_fault_38_no_age_is_negative() -> None:
    (channel,) = objects_of(snapshots(), [ENTRY], COUNTS, now=START - timedelta(seconds=90))
    assert channel["lastMessageAgeSeconds"] == 0


def test_what_is_not_known_is_null_and_not_a_number() -> None:
    (channel,) = objects_of(Snapshots(FakeClock()), [replace(ENTRY, added_at=None)], {}, now=START)
    assert channel["state"] == "starting"
    unknown = (
        "addedAt",
        "breaker",
        "lastPollAt",
        "lastMessageAt",
        "lagSeconds",
        "signals",
        "messages",
        "backfill",
    )
    assert {channel[name] for name in unknown} == {None}


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (PollState.STARTING, "starting"),
        (PollState.MESSAGES, "polling"),
        (PollState.EMPTY, "polling"),
        (PollState.FAILED, "failing"),
        (PollState.REJECTED, "rejected"),
    ],
)
def test_the_state_is_how_the_last_poll_ended(state: PollState, word: str) -> None:
    (channel,) = objects_of(snapshots(replace(POLLER, state=state)), [ENTRY], COUNTS, now=START)
    assert channel["state"] == word


def test_a_refused_key_is_a_state_of_its_own() -> None:
    poller = replace(POLLER, state=PollState.FAILED, key_refused=True, error="HTTP 401")
    (channel,) = objects_of(snapshots(poller), [ENTRY], COUNTS, now=START)
    assert (channel["state"], channel["error"]) == ("key_refused", "HTTP 401")


@pytest.mark.parametrize(
    ("child", "word"),
    [
        (None, "starting"),
        (ChildState.STARTING, "starting"),
        (ChildState.RESTARTING, "restarting"),
        (ChildState.PARKED, "parked"),
        (ChildState.HUNG, "hung"),
        (ChildState.LEAVING, "stopping"),
        (ChildState.STOPPING, "stopping"),
    ],
)
def test_a_poller_that_does_not_run_is_the_state_whatever_it_showed_last(
    child: ChildState | None, word: str
) -> None:
    (channel,) = objects_of(snapshots(child=child), [ENTRY], COUNTS, now=START)
    assert channel["state"] == word


@pytest.mark.parametrize("state", list(BreakerState))
def test_fault_74_every_state_of_a_breaker_is_as_the_document_says(state: BreakerState) -> None:
    told = {"state": state.value, "calls": 1, "failures": 0, "openings": 0}
    assert ChannelBreaker.model_validate(told).model_dump() == told
    assert ChannelBreaker.model_json_schema()["$defs"]["BreakerState"]["enum"] == [
        "closed",
        "open",
        "half-open",
    ]
