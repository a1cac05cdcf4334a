"""The stream of new signals: all of them, once, in order, whoever reads and however often it comes back."""

import statistics
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.support.outcomes import OTHER_CHANNEL, a_message, a_signal, not_signal, signal_outcome
from tests.support.serving import Event, Served, serving


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    with serving(module_database_url) as one:
        yield one


def numbers(events: list[Event]) -> list[int]:
    return [int(event.data["message_id"]) for event in events]


def test_each_new_signal_comes_at_once_with_its_place(served: Served) -> None:
    served.commit(1)
    with served.stream() as stream:
        assert stream.answer.status == 200
        assert stream.answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        served.tell_writer([signal_outcome(a_message(2), a_signal(), a_signal("VALE3", position=1))])
        first, second = stream.take(2)
        delays_s = []
        for number in range(3, 8):
            began_s = time.monotonic()
            served.tell_writer([signal_outcome(a_message(number), a_signal("GGBR4"))])
            stream.take(1)
            delays_s.append(time.monotonic() - began_s)
    assert [e.data["asset"] for e in (first, second)] == ["PETR4", "VALE3"]
    assert first.data["raw_message"] == "text 2"
    assert [event.id.partition("-")[2] for event in (first, second)] == [
        str(event.data["id"]) for event in (first, second)
    ]
    (listed,) = served.engine.get("/api/v1/signals?asset=VALE3").json()["data"]
    assert second.data == listed
    assert stream.retry_ms == 3000
    # each commit follows a look of the cache at once, and the next look comes a second later
    assert statistics.median(delays_s) < 0.5, delays_s


@pytest.mark.parametrize("by", ["header", "parameter"])
def test_a_client_resumes_in_the_middle_of_a_commit(served: Served, by: str) -> None:
    number = 10 if by == "header" else 20
    with served.stream() as stream:
        signals = [a_signal(asset, position=i) for i, asset in enumerate(("ABEV3", "BBAS3", "CSNA3"))]
        served.tell_writer([signal_outcome(a_message(number), *signals)])
        first, *_ = stream.take(3)
    served.commit(number + 1)
    resumed = (
        served.stream(Last_Event_ID=first.id)
        if by == "header"
        else served.stream(f"/api/v1/signals/stream?lastEventId={first.id}")
    )
    with resumed as stream:
        assert [event.data["asset"] for event in stream.take(3)] == ["BBAS3", "CSNA3", "PETR4"]


def test_the_place_is_told_before_any_event_and_moves_past_what_is_filtered_out(served: Served) -> None:
    served.commit(30)
    with served.stream("/signals/stream?asset=ITUB4") as stream:
        served.tell_writer([signal_outcome(a_message(31)), signal_outcome(a_message(32), a_signal("ITUB4"))])
        assert numbers(stream.take(1)) == [32]
    with served.stream(Last_Event_ID=stream.last_id) as again:
        served.commit(33)
        assert numbers(again.take(1)) == [33]


def test_nothing_is_lost_or_doubled_by_a_client_that_comes_and_goes_while_others_write(
    served: Served,
) -> None:
    first, last = 1000, 1400
    with served.stream() as stream:
        place = _place_of(stream)

    def write() -> None:
        for number in range(first, last, 4):
            served.tell_writer([signal_outcome(a_message(n)) for n in range(number, number + 4)])

    writer = threading.Thread(target=write)
    writer.start()
    got: list[Event] = []
    while len(got) < last - first:
        with served.stream(Last_Event_ID=place) as stream:
            # another number each time, so that places in the middle of commits are left too
            got += stream.take(min(last - first - len(got), 1 + len(got) % 37))
            place = stream.last_id
    writer.join()
    assert numbers(got) == list(range(first, last))
    assert len({event.id for event in got}) == len(got)


def _place_of(stream: Any) -> str:
    """Return the place a stream begins at: told with the first words, before any event."""
    while not stream.last_id:
        stream.read_line()
    return str(stream.last_id)


def test_who_comes_from_far_back_is_given_pages_of_the_database(served: Served) -> None:
    newest = served.commit_number()
    served.commit(*range(2000, 2450))  # nobody listens: the feed keeps none of it
    with served.stream(Last_Event_ID=str(newest)) as stream:
        served.commit(2450)
        assert numbers(stream.take(451)) == list(range(2000, 2451))


def test_filters_are_those_of_the_list(served: Served) -> None:
    newest = str(served.commit_number())
    wanted = a_message(3000, channel=OTHER_CHANNEL)
    signal = a_signal("GGBR4", signal_type="Day Trade")
    served.tell_writer(
        [
            signal_outcome(a_message(3000), signal),
            signal_outcome(a_message(3001, channel=OTHER_CHANNEL)),
            signal_outcome(wanted, signal),
        ]
    )
    query = f"channel={OTHER_CHANNEL}&asset=ggbr4,%20vale3&type=day+trade&side=BUY"
    with served.stream(f"/signals/stream?{query}", Last_Event_ID=newest) as stream:
        (event,) = stream.take(1)
    assert (event.data["message_id"], event.data["channel"]) == ("3000", OTHER_CHANNEL)


def test_a_signal_that_an_edit_takes_back_is_removed_before_the_new_reading_comes(served: Served) -> None:
    message = a_message(4000)
    edited = a_message(4000, text="edited", updated_at=datetime.now(UTC))
    with served.stream() as stream:
        served.tell_writer([signal_outcome(message)])
        (first,) = stream.take(1)
        served.tell_writer([signal_outcome(edited, a_signal("VALE3"))])
        removed, second = (stream.next() for _ in range(2))
    assert removed is not None
    assert second is not None
    assert (removed.kind, removed.data["id"], removed.data["message_id"]) == (
        "removed",
        first.data["id"],
        "4000",
    )
    assert (second.kind, second.data["asset"]) == ("signal", "VALE3")
    assert removed.id.split("-")[0] == second.id.split("-")[0]


def test_a_signal_that_an_edit_takes_back_without_another_is_removed(served: Served) -> None:
    message = a_message(4100)
    edited = a_message(4100, text="bom dia", updated_at=datetime.now(UTC))
    with served.stream() as stream:
        served.tell_writer([signal_outcome(message)])
        (first,) = stream.take(1)
        served.tell_writer([not_signal(edited)])
        (removed,) = stream.take(1, kind="removed")  # within the second in which the cache looks
    assert removed.data["id"] == first.data["id"]


@pytest.mark.parametrize(
    ("path", "headers", "field"),
    [
        ("?lastEventId=x", {}, "lastEventId"),
        ("?limit=5", {}, "limit"),
        ("?side=hold", {}, "side"),
        ("", {"Last-Event-ID": "yesterday"}, "lastEventId"),
    ],
)
def test_what_cannot_be_used_is_refused_fault_21(
    served: Served, path: str, headers: dict[str, str], field: str
) -> None:
    answer = requests.get(f"{served.url}/signals/stream{path}", headers=headers, timeout=30)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_the_head_of_a_stream_ends_at_once(served: Served) -> None:
    answer = requests.head(f"{served.url}/signals/stream", timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert "Content-Length" not in answer.headers


def test_open_streams_are_counted_and_closed_ones_forgotten(served: Served) -> None:
    with served.stream(), served.stream():
        served.engine.wait_metric("tpcapital_streams ", 2)
    served.engine.wait_metric("tpcapital_streams ", 0)


def test_beyond_the_most_a_stream_is_refused_with_a_time_to_come_back(migrated_url: str) -> None:
    with serving(migrated_url, TP_CAPITAL_MAX_STREAMS="2") as served:
        with served.stream(), served.stream():
            answer = requests.get(f"{served.url}/signals/stream", timeout=30)
            assert answer.status_code == 503
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) > 0
            assert served.engine.metric("tpcapital_streams_refused_total") == 1
        served.engine.wait_metric("tpcapital_streams ", 0)
        with served.stream() as stream:
            assert stream.answer.status == 200
