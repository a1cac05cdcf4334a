"""The gateway's message object: every shape becomes a value, none costs the others of its page."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import ChannelMessage, MalformedMessage, SourceMessage
from storage.gateway.messages import decode_body, decode_message, decode_raw, encode_message
from tests.support.outcomes import CHANNEL, OTHER_CHANNEL, item

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates and NUL included
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


def decode(value: object) -> SourceMessage:
    return decode_message(value, channel=CHANNEL, now=datetime.now(UTC))


def decode_good(value: object) -> ChannelMessage:
    message = decode(value)
    assert isinstance(message, ChannelMessage), message
    return message


def decode_bad(value: object) -> MalformedMessage:
    message = decode(value)
    assert isinstance(message, MalformedMessage), message
    return message


def test_fault_91_a_message_that_can_be_read_is_not_written_again() -> None:
    """A tail check reads thousands that are known: writing them was most of its work."""
    unwritable = object()
    assert decode_good(item() | {"another": unwritable}).message_id == "5001"


def test_a_whole_message_is_read_key_by_key() -> None:
    assert decode(item()) == ChannelMessage(
        channel=CHANNEL,
        message_id="5001",
        gateway_id="17",
        ack_id="5001",
        text="Ativo: PETR4\nCompra: 30,10",
        caption=None,
        source="telegram",
        status="received",
        received_at=datetime(2026, 11, 2, 10, 0, 1, 250_000, tzinfo=UTC),
        telegram_date=datetime(2026, 11, 2, 10, tzinfo=UTC),
        updated_at=datetime(2026, 11, 2, 10, 0, 2, tzinfo=UTC),
        reply_to="4999",
        version=item()["updatedAt"],
    )


def test_unknown_keys_are_ignored() -> None:
    assert decode(item(brandNew={"a": [1]})) == decode(item())


def test_an_instant_of_another_zone_is_the_same_instant_in_utc() -> None:
    message = decode_good(item(telegramDate="2026-11-02T07:00:00-03:00"))
    assert message.telegram_date == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert message.telegram_date.tzinfo is UTC


@pytest.mark.parametrize("key", ["caption", "source", "status", "telegramDate", "updatedAt", "metadata"])
@pytest.mark.parametrize("value", [None, ...])
def test_what_the_gateway_may_leave_open_may_be_null_or_missing(key: str, value: object) -> None:
    decode_good(item(**{key: value}))


def test_a_null_text_is_a_message_without_text_fault_1() -> None:
    assert decode_good(item(text=None)).text is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": ...}, "id"),
        ({"id": 17}, "id"),
        ({"messageId": ...}, "messageId"),
        ({"messageId": None}, "messageId"),
        ({"messageId": 5001}, "messageId"),
        ({"messageId": ""}, "messageId"),
        ({"messageId": "abc"}, "messageId"),
        ({"messageId": "1e3"}, "messageId"),
        ({"messageId": "१२"}, "messageId"),
        ({"messageId": "5001\n"}, "messageId"),
        ({"messageId": "9" * 19}, "messageId"),
        ({"messageId": ["5001"]}, "messageId"),
        ({"channelId": OTHER_CHANNEL}, "channelId"),
        ({"channelId": ...}, "channelId"),
        ({"channelId": int(CHANNEL)}, "channelId"),
        ({"text": ...}, "text"),
        ({"text": 5}, "text"),
        ({"text": ["a"]}, "text"),
        ({"text": {"a": "b"}}, "text"),
        ({"caption": False}, "caption"),
        ({"source": 1}, "source"),
        ({"status": []}, "status"),
        ({"receivedAt": ...}, "receivedAt"),
        ({"receivedAt": None}, "receivedAt"),
        ({"receivedAt": 1_700_000_000}, "receivedAt"),
        ({"receivedAt": "2026-11-02T10:00:00"}, "receivedAt"),
        ({"receivedAt": "yesterday"}, "receivedAt"),
        ({"receivedAt": "2026-02-30T10:00:00Z"}, "receivedAt"),
        ({"telegramDate": "2026-11-02"}, "telegramDate"),
        ({"updatedAt": "\ud800"}, "updatedAt"),
        ({"updatedAt": ""}, "updatedAt"),
    ],
)
def test_a_missing_or_ill_typed_key_makes_a_malformed_message_that_names_it(
    changes: dict[str, Any], named: str
) -> None:
    message = decode_bad(item(**changes))
    assert message.error.startswith(f"{named}:")
    assert json.loads(message.raw) == item(**changes)


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "text", [], [item()]])
def test_what_is_not_an_object_is_malformed_and_has_a_key_of_its_own(value: object) -> None:
    message = decode_bad(value)
    assert message.ack_id is None
    assert message.message_id.startswith("id:sha256:")
    assert json.loads(message.raw) == value


def test_the_same_unusable_object_has_the_same_key_and_another_another() -> None:
    first, again, other = decode({"a": 1}), decode({"a": 1}), decode({"a": 2})
    assert first.message_id == again.message_id != other.message_id


@pytest.mark.parametrize("unusable", ["abc", "", "9" * 19, " 1", "--1", "1.0"])
def test_an_id_the_gateway_cannot_read_is_never_acknowledged_fault_28(unusable: str) -> None:
    message = decode_bad(item(messageId=unusable))
    assert message.ack_id is None
    assert message.message_id == "id:17"


def test_a_malformed_message_with_a_usable_id_can_be_acknowledged() -> None:
    message = decode_bad(item(text=5))
    assert (message.message_id, message.ack_id) == ("5001", "5001")


@pytest.mark.parametrize("odd", ["\0", "\ud800", "á", "\x7f", "\n", "a\0" * 5000, "x" * 10_000])
def test_an_odd_gateway_id_becomes_a_key_that_any_database_takes(odd: str) -> None:
    for message in (decode(item(id=odd, messageId=None)), decode(item(id=odd))):
        for key in (message.message_id, message.gateway_id):
            assert key.isascii()
            assert key.isprintable()
            assert len(key) <= 210
    assert decode(item(id=odd, messageId=None)).message_id != decode(item(id="\1", messageId=None)).message_id


@pytest.mark.parametrize("text", ["a\0b", "\ud83d alone", "🟢", "\r\n", "x" * 1_000_000])
def test_odd_characters_stay_in_the_text(text: str) -> None:
    message = decode_good(item(text=text))
    assert message.text == text
    assert encode_message(message).isascii()
    assert decode_raw(encode_message(message), channel=CHANNEL, now=datetime.now(UTC)) == message


@pytest.mark.parametrize("reply_to", ["12", 12, -3])
def test_a_reply_names_its_message(reply_to: object) -> None:
    assert decode_good(item(metadata={"replyTo": reply_to})).reply_to == str(reply_to)


@pytest.mark.parametrize("metadata", ["x", 5, [], {}, {"replyTo": None}, {"replyTo": "a"}, {"replyTo": [1]}])
def test_metadata_that_is_not_ours_does_no_harm(metadata: object) -> None:
    assert decode_good(item(metadata=metadata)).reply_to is None


def nested(depth: int) -> object:
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [10, 900, 5000])
def test_deep_nesting_costs_neither_the_page_nor_the_message(depth: int) -> None:
    assert decode_good(item(metadata=nested(depth))).text == item()["text"]
    for key in ("messageId", "channelId", "text", "id"):
        message = decode_bad(item(**{key: nested(depth)}))
        assert len(message.error) < 200
        assert isinstance(json.loads(message.raw), dict)
    assert decode_bad(nested(depth)).message_id


@given(JSON)
def test_no_json_value_makes_the_decoder_raise(value: object) -> None:
    message = decode(value)
    assert encode_message(message).isascii()
    again = decode_raw(encode_message(message), channel=CHANNEL, now=datetime.now(UTC))
    assert again.message_id == message.message_id


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(item(), JSON)))
def test_no_mix_of_values_makes_the_decoder_raise(changes: dict[str, Any]) -> None:
    message = decode(item(**changes))
    assert "\0" not in message.message_id + message.gateway_id


INSTANTS = st.datetimes(
    min_value=datetime(2013, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2026, 11, 1),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@given(
    st.fixed_dictionaries(
        {
            "text": st.none() | ANY_TEXT,
            "caption": st.none() | ANY_TEXT,
            "messageId": st.integers(-(10**17), 10**17).map(str),
            "receivedAt": INSTANTS,
            "telegramDate": st.none() | INSTANTS,
            "updatedAt": st.none() | INSTANTS,
            "metadata": st.none() | st.fixed_dictionaries({"replyTo": st.integers(1, 10**17)}),
        }
    )
)
def test_a_kept_message_reads_the_same_again(values: dict[str, Any]) -> None:
    given_item = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in values.items()}
    message = decode_good(item(**given_item))
    assert message.received_at == values["receivedAt"]
    assert message.telegram_date == values["telegramDate"]
    assert decode_raw(encode_message(message), channel=CHANNEL, now=datetime.now(UTC)) == message


@given(st.binary(max_size=200))
def test_a_body_of_any_bytes_is_a_message_that_a_database_can_hold_and_that_reads_the_same_again(
    body: bytes,
) -> None:
    message = decode_body(body, channel=CHANNEL, now=None)
    assert isinstance(message, MalformedMessage)
    assert message.raw.isascii()
    assert "\0" not in message.raw
    assert isinstance(decode_raw(message.raw, channel=CHANNEL, now=datetime.now(UTC)), MalformedMessage)


def test_a_body_without_a_channel_is_of_the_channel_that_it_names() -> None:
    body = json.dumps(item()).encode()
    assert decode_body(body, channel=None, now=None) == decode_body(body, channel=CHANNEL, now=None)
    assert decode_body(b"[]", channel=None, now=None).channel == "unknown"
