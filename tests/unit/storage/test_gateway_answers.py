"""What the gateway's answers mean: every status and every way to say "later"."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from requests.structures import CaseInsensitiveDict

from storage.errors import (
    GatewayAnswerError,
    GatewayRateLimitedError,
    GatewayStatusError,
    GatewayUnauthorizedError,
)
from storage.gateway.answers import DEFAULT_RETRY_AFTER_S, check_status, count_of, decode_answer

PATH = "/api/messages/unprocessed"


def retry_after_s(**headers: str) -> float:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(GatewayRateLimitedError) as caught:
        check_status(429, CaseInsensitiveDict(names), b"", PATH)
    return caught.value.retry_after_s


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_passes(status: int) -> None:
    check_status(status, {}, b"", PATH)


@pytest.mark.parametrize("status", [401, 403])
def test_a_rejected_key_is_named_as_a_key_problem_fault_17(status: int) -> None:
    with pytest.raises(GatewayUnauthorizedError, match="TELEGRAM_GATEWAY_API_KEY") as caught:
        check_status(status, {}, b"", PATH)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
def test_a_redirect_is_no_answer(status: int) -> None:
    with pytest.raises(GatewayAnswerError, match="redirects are refused"):
        check_status(status, {"Location": "http://elsewhere.example/"}, b"", PATH)


@pytest.mark.parametrize("status", [400, 404, 418, 500, 502, 503, 504, 599])
def test_any_other_status_is_an_error_with_its_number(status: int) -> None:
    with pytest.raises(GatewayStatusError, match=f"{status} at {PATH}") as caught:
        check_status(status, {}, b"<html>", PATH)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"success":false,"message":"no such channel"}', ": no such channel"),
        (b'{"message":"\\ud800"}', ": \\ud800"),
        (b'{"message":5}', ""),
        (b"[1]", ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
        (b'{"message":"' + b"x" * 5000 + b'"}', ": " + "x" * 120),
    ],
)
def test_the_gateways_own_words_are_quoted_shortly(content: bytes, said: str) -> None:
    with pytest.raises(GatewayStatusError) as caught:
        check_status(500, {}, content, PATH)
    assert str(caught.value) == f"500 at {PATH}{said}"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("0", 1.0), ("99999", 3600.0), ("9" * 40, 3600.0)],
)
def test_retry_after_in_seconds_is_obeyed_within_an_hour_fault_6(header: str, seconds: float) -> None:
    assert retry_after_s(Retry_After=header) == seconds


def test_retry_after_as_a_date_is_obeyed_fault_6() -> None:
    at = datetime.now(UTC) + timedelta(seconds=100)
    assert 90 < retry_after_s(Retry_After=format_datetime(at, usegmt=True)) <= 100


def test_retry_after_as_a_past_date_means_soon_and_a_far_one_an_hour() -> None:
    assert retry_after_s(Retry_After="Wed, 21 Oct 2015 07:28:00 GMT") == 1.0
    assert retry_after_s(Retry_After="Wed, 21 Oct 2099 07:28:00 GMT") == 3600.0


@pytest.mark.parametrize(
    "header",
    [
        "soon",
        "-5",
        "1.5",
        "²",
        "1e3",
        "Wed, 21 Oct 2099 07:28:00 -0000",
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
        "\x00",
    ],
)
def test_a_retry_after_without_meaning_falls_back_to_the_other_headers(header: str) -> None:
    assert retry_after_s(Retry_After=header) == DEFAULT_RETRY_AFTER_S
    assert retry_after_s(Retry_After=header, RateLimit_Reset="9") == 9.0


def test_ratelimit_reset_counts_when_retry_after_is_missing_fault_6() -> None:
    assert retry_after_s(RateLimit_Reset="42") == 42.0
    assert retry_after_s(X_RateLimit_Reset_After="43") == 43.0
    assert retry_after_s(RateLimit_Reset="42", Retry_After="5") == 5.0


def test_fault_47_an_instant_of_the_reset_counts_by_the_clock_it_is_of() -> None:
    date = "Wed, 12 Nov 2025 13:04:31 GMT"
    assert retry_after_s(X_RateLimit_Reset="1762952705", Date=date) == 34.0
    assert retry_after_s(X_RateLimit_Reset="1762952600", Date=date) == 1.0
    assert retry_after_s(X_RateLimit_Reset="9762952600", Date=date) == 3600.0


@pytest.mark.parametrize(
    "header",
    ["limit=300, remaining=0, reset=17", "limit=300;reset=17", '"default";r=0;t=17', "reset=17"],
)
def test_the_combined_ratelimit_header_counts_fault_6(header: str) -> None:
    assert retry_after_s(RateLimit=header) == 17.0


@pytest.mark.parametrize("header", ["limit=300", "unreset=17", "reset=", "²"])
def test_without_a_time_a_minute_is_waited(header: str) -> None:
    assert retry_after_s(RateLimit=header, RateLimit_Reset=header) == DEFAULT_RETRY_AFTER_S
    assert retry_after_s() == DEFAULT_RETRY_AFTER_S


def test_a_success_answer_is_its_object() -> None:
    assert decode_answer(b'{"success":true,"data":[]}', PATH) == {"success": True, "data": []}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>oops</html>",
        b'{"success":true,"data":[',
        b"\xff\xff",
        b"[" * 100_000,
        b"[]",
        b"null",
        b'"success"',
        b"{}",
        b'{"success":false,"message":"busy"}',
        b'{"success":1}',
        b'{"success":"true"}',
        b'{"success":true,"data":' + b"9" * 5000 + b"}",
    ],
)
def test_anything_else_is_an_answer_we_cannot_use(content: bytes) -> None:
    with pytest.raises(GatewayAnswerError, match="the answer of /api/messages/unprocessed"):
        decode_answer(content, PATH)


def test_a_denied_success_is_quoted() -> None:
    with pytest.raises(GatewayAnswerError, match="busy"):
        decode_answer(b'{"success":false,"message":"busy"}', PATH)


@pytest.mark.parametrize(
    "data", [None, [], {}, {"updated": None}, {"updated": "3"}, {"updated": True}, {"updated": 1.0}]
)
def test_a_count_that_is_no_whole_number_is_refused(data: object) -> None:
    with pytest.raises(GatewayAnswerError, match="updated"):
        count_of(data, "updated")


def test_a_count_is_read() -> None:
    assert count_of({"updated": 3}, "updated") == 3


@pytest.mark.parametrize(
    ("count", "told"),
    [
        ("9" * 5000, "a number has too many digits"),
        ("[" * 50_000 + "]" * 50_000, "values are nested too deeply"),
    ],
)
def test_a_limit_of_the_interpreter_is_told_in_plain_words(count: str, told: str) -> None:
    with pytest.raises(GatewayAnswerError, match=f"the answer of {PATH} is not JSON: {told}$"):
        decode_answer(f'{{"success":true,"count":{count}}}'.encode(), PATH)
