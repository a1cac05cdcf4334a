"""The sample history: what it promises, and that it is sound on any day."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from ops.gateway.records import MessageRecord, record_from_json, utc_from_iso
from ops.local.sample import SAMPLE_CHANNEL, load_sample, read_sample

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def records(now: datetime = NOW) -> list[MessageRecord]:
    return [record_from_json(message) for message in load_sample(now)]


@pytest.mark.parametrize(
    "now",
    [
        # the fewest sessions in 60 days: two national holidays, Christmas and the turn of the year
        datetime(2025, 1, 6, 12, 0, tzinfo=UTC),
        NOW,
        datetime(2027, 1, 1, 2, 59, 59, tzinfo=UTC),
        datetime(2027, 1, 1, 3, 0, tzinfo=UTC),
        datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    ],
)
def test_every_message_is_before_now_and_at_most_60_days_old(now: datetime) -> None:
    for record in records(now):
        assert record.received_at is not None
        assert now - timedelta(days=60) < record.received_at < now
        if record.telegram_date is not None:
            assert record.telegram_date <= record.received_at
    assert load_sample(now) == load_sample(now)


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        # by B3's published calendars: Christmas and new year, carnival, Good Friday and Tiradentes, Corpus Christi
        (
            datetime(2026, 1, 5, tzinfo=UTC),
            ["2025-11-20", "2025-12-24", "2025-12-25", "2025-12-31", "2026-01-01"],
        ),
        (datetime(2026, 3, 2, tzinfo=UTC), ["2026-02-16", "2026-02-17"]),
        (datetime(2026, 5, 11, tzinfo=UTC), ["2026-04-03", "2026-04-21", "2026-05-01"]),
        (datetime(2026, 6, 8, tzinfo=UTC), ["2026-04-21", "2026-05-01", "2026-06-04"]),
        (datetime(2026, 11, 29, tzinfo=UTC), ["2026-10-12", "2026-11-02", "2026-11-20"]),
    ],
)
def test_nothing_is_sent_while_the_exchange_is_closed(now: datetime, closed: list[str]) -> None:
    # in UTC, too, the times of the sample are of the same day
    received = [utc_from_iso(message["receivedAt"]) for message in load_sample(now)]
    days = {instant.date() for instant in received}
    assert not [day for day in days if day.isoweekday() > 5]
    assert not {day.isoformat() for day in days} & set(closed)
    # and on every other day something is
    first = min(days)
    weekdays = {first + timedelta(days=n) for n in range((now.date() - first).days)}
    assert {day for day in weekdays if day.isoweekday() <= 5} - days == {
        date.fromisoformat(day) for day in closed if date.fromisoformat(day) > first
    }


def test_it_is_in_order_and_no_placeholder_is_left() -> None:
    messages = load_sample(NOW)
    received = [utc_from_iso(message["receivedAt"]) for message in messages]
    assert received == sorted(received)
    assert not [m["id"] for m in messages if "{" in (m["text"] or "") + (m["caption"] or "")]
    assert len({m["id"] for m in messages}) == len(messages) >= 100
    assert {m["channelId"] for m in messages} == {SAMPLE_CHANNEL}


def test_it_holds_every_kind_and_type() -> None:
    kinds = Counter(line["kind"] for line in read_sample())
    assert set(kinds) == {"signal", "cancel", "result", "update", "not_signal", "empty"}
    assert kinds["signal"] >= 60
    signals = [
        message["text"] or message["caption"]
        for line, message in zip(read_sample(), load_sample(NOW), strict=True)
        if line["kind"] == "signal"
    ]
    for pattern in (
        r"Swing Trade", r"Day Trade", r"Position", r"Scalping", r"Buy & Hold", r"\bVenda: ",
        r"\b[A-Z]{4}[A-L]\d{2,3}\b", r"\b[A-Z]{4}[M-X]\d{2,3}\b", r"\bWIN[GJMQVZ]\d\d\b",
        r"\bWDO[FGHJKMNQUVXZ]\d\d\b", r"WDOFUT", r"[A-Z]{4}11\b", r"[A-Z]{4}34\b", r"[A-Z]{4}3F\b",
    ):  # fmt: skip
        assert any(re.search(pattern, text) for text in signals), pattern


def test_it_holds_the_odd_ones() -> None:
    lines = records()
    texts = Counter((r.message_id, r.text) for r in lines if r.text)
    delivered_twice = [key for key, count in texts.items() if count > 1]
    assert len(delivered_twice) == 1
    posted = Counter(text for _id, text in texts)
    assert [count for count in posted.values() if count > 1] == [2], "one text under two message ids"
    assert [r for r in lines if r.text is None and r.caption is None and r.media_type == "photo"]
    assert len([r for r in lines if r.caption and r.media_type == "photo" and r.text is None]) >= 3
    assert len([r for r in lines if r.telegram_date is None]) == 1
    known = {r.message_id for r in lines}
    answered = [r.metadata["replyTo"] for r in lines if r.metadata]
    assert len(answered) >= 5
    assert set(answered) <= known


def test_prices_of_the_plain_signals_are_consistent() -> None:
    """Buys: stop below entry below targets, rising; shorts the reverse."""
    checked = 0
    for message in load_sample(NOW):
        text = message["text"] or message["caption"] or ""
        price = r"(?:R\$ )?([\d.,]+\d)"
        entry = re.search(rf"^(Compra|Venda|COMPRA|VENDA):.*?{price}", text, re.MULTILINE)
        stop = re.search(rf"^(?:Stop|STOP): {price}", text, re.MULTILINE)
        targets = re.findall(rf"^(?:Alvo|ALVO)[^:]*: {price}", text, re.MULTILINE)
        if not (entry and stop and targets):
            continue
        values = [number(stop[1]), number(entry[2]), *map(number, targets)]
        assert values == sorted(values, reverse=entry[1].lower() == "venda"), message["id"]
        checked += 1
    assert checked >= 40


def number(text: str) -> float:
    if "," in text:
        return float(text.replace(".", "").replace(",", "."))
    return float(text.replace(".", "")) if re.search(r"\d{2,3}\.\d{3}$", text) else float(text)
