"""The question of /signals: bad parameters are told, all at once; dates are instants."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from ops.http.kit.parameters import check_utf8
from ops.http.kit.problems import BadRequestError
from ops.http.routes.query import ListQuery, parse_list_query
from storage.postgres.orders import After, Order, encode_cursor
from storage.postgres.page_query import SignalQuery

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
BRASILIA = ZoneInfo("America/Sao_Paulo")


#: what the history's entry does not stand beside
OTHERS = (
    *("channel=-1", "asset=PETR4", "side=buy", "search=x", "from=2026-11-02", "to=2026-11-02"),
    f"cursor={encode_cursor(After(ts=NOON, id=7))}",
)


def parse(query: str = "", *, with_history: bool = False) -> ListQuery:
    return parse_list_query(QueryParams(query), zone=BRASILIA, with_history=with_history)


def asked(query: str) -> SignalQuery:
    signals = parse(query).signals
    assert signals is not None
    return signals


def refused(query: str) -> list[str]:
    with pytest.raises(BadRequestError) as caught:
        parse(query)
    return [field for field, _ in caught.value.errors]


def test_no_parameter_asks_for_the_newest_hundred_fault_24() -> None:
    assert asked("") == SignalQuery(limit=100)


@pytest.mark.parametrize("limit", [1, 100, 1000])
def test_a_limit_from_1_to_1000_is_taken_fault_24(limit: int) -> None:
    assert asked(f"limit={limit}").limit == limit


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=1001", "limit=-1", "limit=1.5", "limit=abc", "limit=1e2", "limit=%2B5"),
        *("limit=9999999999999999999999", "limit=%D9%A1", "limit=0x10", "limit=1_0", "limit= 5"),
        *(
            "cursor=x",
            "cursor=!!!",
            "cursor=%00",
            "cursor=MTo",
            "cursor=LTE6LTE",
            "cursor=%C3%A9",
        ),
        *("side=hold", "side=buy,hold", "sort=up", "sort=+ts", "status=won", "status=target_0"),
        *(
            "from=yesterday",
            "from=2026-13-01",
            "from=2026",
            "to=2026-02-30",
            "to=12:00",
            "from=99999999999999999",
        ),
        *("to=0001-01-01T00:00:00%2B14:00", "from=nan", "from=1e9", "from=-"),
        *("channel=" + "x" * 201, "asset=" + "x" * 201, "type=" + "x" * 201, "search=" + "x" * 201),
        *("search=%00", "asset=A%00", "channel=%00"),
        *("fields=id,price", "fields=ID", "count=yes", "updated_since=x", "sort=side"),
        # it is of a list by time
        f"cursor={encode_cursor(After(ts=NOON, id=7))}&sort=asset",
        f"cursor={encode_cursor(After(order=Order.ASSET, key='PETR4', ts=NOON, id=7))}",
        f"cursor={encode_cursor(After(order=Order.ASSET, key='PETR4', ts=NOON, id=7))}&sort=-asset",
        *("cursor=reward_risk.1e5_1_7", "cursor=updated_at.x_1_7", "cursor=price.1_1_7"),
        *("sort=updated_at&from=2026-11-02", "sort=updated_at&to=2026-11-02"),
        *(
            "sort=asset&search=x",
            "sort=-asset&search=x",
            "updated_since=2026-11-02&search=x",
            "count=exact&search=x",
        ),
        *("limit=", "cursor="),
        *("offset=5", "page=2", "Limit=5", "limit[]=5", "=5", "q=x"),
        *("limit=5&limit=5", "search=A&search=B", "asset=" + ",".join("A" * 51), "type=" + "," * 50),
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused_fault_21(query: str) -> None:
    assert refused(query) == [query.partition("=")[0]]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (b"", []),
        (b"search=%C3%A9&asset=%EF%BF%BD", []),
        (b"search=%ff", ["search"]),
        (b"asset=A&search=a%C3&type=%ED%A0%80", ["search", "type"]),
        (b"%ff=1", ["\ufffd"]),
    ],
)
def test_what_is_no_utf_8_is_refused_by_name_fault_21(query: bytes, fields: list[str]) -> None:
    if not fields:
        check_utf8(query)
        return
    with pytest.raises(BadRequestError) as caught:
        check_utf8(query)
    assert [field for field, _ in caught.value.errors] == fields


def test_all_bad_parameters_are_told_at_once_fault_21() -> None:
    fields = refused("limit=0&cursor=x&side=x&sort=x&from=x&to=x&offset=1&search=%00&asset=%00&status=x")
    assert sorted(fields) == sorted(
        ["limit", "cursor", "side", "sort", "from", "to", "offset", "search", "asset", "status"]
    )


def test_an_unknown_parameter_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        BadRequestError,
        match="channel, asset, type, side, status, outcome, search, from, to, sort, updated_since, fields, count, limit, cursor",
    ):
        parse("offset=5")


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-11-02T12:00:00Z",
        "2026-11-02T12:00:00",
        "2026-11-02T12:00",
        "2026-11-02T12:00:00.000Z",
        "2026-11-02T09:00:00-03:00",
        "2026-11-02 12:00:00%2B00:00",
        "1793620800",
        "1793620800000",
    ],
)
def test_an_iso_date_or_epoch_is_the_instant_it_says_fault_22(name: str, text: str) -> None:
    query = asked(f"{name}={text.replace('+', '%2B')}")
    assert (query.since if name == "from" else query.until) == NOON


def test_a_plus_that_was_not_escaped_is_still_one_fault_22() -> None:
    assert asked("from=2026-11-02T15:00:00+03:00").since == NOON


@pytest.mark.parametrize("day", ["2026-11-20", "20261120", "2026-W47-5"])
def test_fault_82_a_date_alone_is_that_whole_day_in_brasilia_and_not_its_year_in_milliseconds(
    day: str,
) -> None:
    query = asked(f"from={day}&to={day}")
    assert query.since == datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert query.until == datetime(2026, 11, 21, 3, tzinfo=UTC) - timedelta(microseconds=1)


def test_fault_82_a_day_whose_last_hour_happens_twice_ends_with_the_second_one() -> None:
    query = asked("from=2018-02-17&to=2018-02-17")
    assert query.since is not None
    assert query.until is not None
    assert query.until - query.since == timedelta(hours=25) - timedelta(microseconds=1)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_fault_82_the_first_and_the_last_day_there_are_can_be_asked_for(day: str) -> None:
    query = asked(f"from={day}&to={day}")
    assert query.since is not None
    assert query.until is not None
    assert query.since < query.until


def test_fault_82_daemons_of_other_time_zones_do_not_share_the_page_of_a_day() -> None:
    keys = {
        parse_list_query(QueryParams("from=2026-11-20"), zone=zone, with_history=False).key
        for zone in (BRASILIA, UTC)
    }
    assert len(keys) == 2


def test_every_filter_reaches_the_query_fault_23() -> None:
    cursor = encode_cursor(After(ts=NOON, id=7))
    query = asked(
        f"limit=5&cursor={cursor}&channel=-1&asset=petr4, vale3&type=Swing Trade&side=BUY&search=50%25&sort=ASC"
        "&status=Open&status=target_1"
    )
    assert query == SignalQuery(
        limit=5,
        after=After(ts=NOON, id=7),
        channel=("-1",),
        asset=("petr4", "vale3"),
        signal_type=("Swing Trade",),
        side=("buy",),
        status=("open", "target_1"),
        search="50%",
        ascending=True,
    )


@pytest.mark.parametrize(
    ("sort", "order", "ascending"),
    [
        *(
            ("ts", Order.TS, True),
            ("-ts", Order.TS, False),
            ("ASC", Order.TS, True),
            ("desc", Order.TS, False),
        ),
        *((name, Order(name), False) for name in ("asset", "-asset", "updated_at", "reward_risk")),
    ],
)
def test_a_list_has_the_order_that_it_is_asked_for(sort: str, order: Order, *, ascending: bool) -> None:
    query = asked(f"sort={sort}")
    assert (query.order, query.ascending) == (order, ascending)


def test_changes_fields_and_count_reach_the_query_and_its_key() -> None:
    query = parse("updated_since=2026-11-02T12:00:00Z&fields=id,asset&fields=side&count=EXACT")
    assert query.signals == SignalQuery(updated_since=NOON)
    assert (query.fields, query.counted) == (("id", "asset", "side"), True)
    others = ("updated_since=2026-11-03", "fields=id", "count=exact", "sort=asset", "")
    assert len({query.key, *(parse(other).key for other in others)}) == 6


def test_an_empty_value_is_no_filter() -> None:
    assert asked("channel=&asset=&type=&side=&search=&from=&to=&sort=") == SignalQuery()


def test_the_same_question_has_the_same_key_however_it_is_put() -> None:
    keys = {
        parse(query).key for query in ("limit=5&asset=A", "asset=&asset=A&limit=5", "asset=A&limit=5&search=")
    }
    assert keys == {"asset=A&limit=5"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("asset=A&asset=", ""),
        ("asset=A&asset=B", "asset=B"),
        ("asset=A", "asset=B"),
        ("asset=A%26side%3Dbuy", "asset=A&side=buy"),
        ("", "limit=100"),
        ("search=a", "asset=a"),
    ],
)
def test_another_question_has_another_key(one: str, other: str) -> None:
    assert parse(one).key != parse(other).key


@pytest.mark.parametrize(
    ("query", "signals", "history"),
    [
        ("", True, True),
        ("limit=5&sort=asc", True, True),
        ("type=historical_sync", False, True),
        ("type=HISTORICAL_SYNC", False, True),
        ("type=historical_sync&limit=1&sort=asc&asset=", False, True),
        *((f"type=historical_sync&{other}", False, False) for other in OTHERS),
        ("asset=PETR4", True, False),
        ("search=x", True, False),
        ("from=2026-11-02", True, False),
    ],
)
def test_the_history_entry_stands_in_the_unfiltered_list_or_alone(
    query: str, *, signals: bool, history: bool
) -> None:
    parsed = parse(query, with_history=True)
    assert (parsed.signals is not None, parsed.history) == (signals, history)


def test_the_versioned_path_has_no_history_entry() -> None:
    parsed = parse("type=historical_sync")
    assert (parsed.signals is not None, parsed.history) == (True, False)


@given(
    st.lists(st.tuples(st.sampled_from(["limit", "cursor", "from", "to", "search", "side", "x"]), st.text()))
)
def test_no_query_makes_the_parser_do_more_than_refuse_fault_21(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(BadRequestError):
        assert parse_list_query(QueryParams(pairs), zone=BRASILIA, with_history=True)
