"""The seal: nothing but the very page that was kept under a name opens, and only in its time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.seal import MAX_SEALED_BYTES, BrokenSealError, Seal

KEY = "k" * 32
NAME = "tpcapital:sealed:page:7:limit=100"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENDS = NOW + timedelta(seconds=30)


def sealed(page: bytes = b"1\n{}", name: str = NAME, key: str = KEY) -> bytes:
    value = Seal(key).close(name, page, ends_at=ENDS)
    assert value is not None
    return value


def reason(value: bytes, *, name: str = NAME, now: datetime = NOW) -> str:
    with pytest.raises(BrokenSealError) as caught:
        Seal(KEY).open(name, value, now=now)
    return caught.value.reason


@given(page=st.binary(max_size=200), name=st.text(max_size=50))
def test_a_page_comes_back_as_it_was(page: bytes, name: str) -> None:
    assert Seal(KEY).open(name, sealed(page, name), now=NOW) == page


@pytest.mark.parametrize(
    "forged", [b"", b"\x00\xff\xfe", b"1\n{}", sealed()[:43], b"tpc1" + b"\0" * 40, sealed()[:-1]]
)
def test_fault_51_what_is_forged_or_cut_does_not_open(forged: bytes) -> None:
    assert reason(forged) in ("format", "digest")


@given(place=st.integers(0, len(sealed()) - 1), bit=st.integers(0, 7))
def test_fault_51_no_bit_can_be_changed(place: int, bit: int) -> None:
    changed = bytearray(sealed())
    changed[place] ^= 1 << bit
    assert reason(bytes(changed)) in ("format", "digest")


def test_fault_51_a_page_cannot_be_moved_to_another_query_or_commit() -> None:
    assert reason(sealed(), name=NAME.replace(":7:", ":8:")) == "digest"
    assert reason(sealed(), name=NAME + "0") == "digest"
    # the name's length is told too: its end cannot pass for the page's beginning
    assert reason(sealed(page=b"0" + b"1\n{}", name=NAME), name=NAME + "0") == "digest"


def test_fault_51_a_page_is_not_served_past_its_time_whatever_redis_keeps() -> None:
    assert reason(sealed(), now=ENDS) == "expired"


def test_fault_51_another_database_has_another_key() -> None:
    assert reason(sealed(key="o" * 32)) == "digest"


def test_without_the_secret_nothing_is_sealed_and_nothing_opens() -> None:
    assert Seal().close(NAME, b"", ends_at=ENDS) is None
    with pytest.raises(BrokenSealError):
        Seal().open(NAME, sealed(), now=NOW)
    seal = Seal()
    seal.learn(KEY.encode())
    assert seal.open(NAME, sealed(), now=NOW) == b"1\n{}"


def test_what_is_too_long_is_neither_sealed_nor_opened() -> None:
    assert Seal(KEY).close(NAME, bytes(MAX_SEALED_BYTES), ends_at=ENDS) is None
    assert reason(bytes(MAX_SEALED_BYTES + 1)) == "size"
