"""What a price file is, whatever it is packed into."""

import gzip
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.bars import Bar, BarSource
from engine.sessions import ZONE
from storage.quotes.files import Part, parts_of
from storage.quotes.reading import BadRecord, PriceFileError
from tests.support.price_files import cotahist, cotahist_line, price_report, price_reports

HISTORY = "\r\n".join(cotahist([cotahist_line()])).encode()
REPORT = price_reports([price_report("WING26", FrstPric=2, MinPric=1, MaxPric=3, LastPric=2)])
DAYS = "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>\n2026.11.26,1,2,1,2\n2026.11.27,1,2,1,2\n"
PLAIN = b"symbol,interval,opened_at,open,high,low,close\nVALE3,1d,2026-11-27,1,2,1,2\n"


def zipped(method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def read(path: Path, symbol: str | None = None) -> list[tuple[BarSource, str]]:
    parts = list[tuple[BarSource, str]]()
    for part in parts_of(path, symbol=symbol, zone=ZONE):
        if isinstance(part, BadRecord):
            raise PriceFileError(part.reason)
        parts += [(part.source, entry.symbol) for entry in part.entries if isinstance(entry, Bar)]
    return parts


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda content: zipped(inside=content)])
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (HISTORY, (BarSource.COTAHIST, "PETR4")),
        (REPORT, (BarSource.BVBG086, "WING26")),
        (PLAIN, (BarSource.CSV, "VALE3")),
    ],
)
def test_the_kind_is_recognised_by_content(
    pack: Callable[[bytes], bytes], content: bytes, found: tuple[BarSource, str], tmp_path: Path
) -> None:
    path = tmp_path / "anything"
    path.write_bytes(pack(content))
    told: list[int] = []
    (part,) = parts_of(path, symbol=None, zone=ZONE, told=told.append)
    assert isinstance(part, Part)
    assert part.source is found[0]
    assert read(path) == [found]
    assert told[-1] == path.stat().st_size


def test_an_archive_within_an_archive_has_the_versions_of_a_report_in_order(tmp_path: Path) -> None:
    path = tmp_path / "PR.zip"
    path.write_bytes(zipped(inner=zipped(b=HISTORY, a=REPORT)))
    assert read(path) == [(BarSource.BVBG086, "WING26"), (BarSource.COTAHIST, "PETR4")]
    path.write_bytes(zipped(inner=zipped(deeper=zipped(a=REPORT))))
    with pytest.raises(PriceFileError, match="archives within archives"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_metatrader_writes_utf_16_too_and_its_symbol_may_be_given(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(DAYS, encoding)
    with pytest.raises(PriceFileError, match="--symbol"):
        read(path)
    assert read(path, symbol="petr4") == [(BarSource.METATRADER, "PETR4")] * 2


def test_without_the_extra_a_report_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "storage.quotes.bvbg086", raising=False)
    monkeypatch.setitem(sys.modules, "defusedxml.common", None)
    path = tmp_path / "report.xml"
    path.write_bytes(REPORT)
    with pytest.raises(
        PriceFileError, match=r"package defusedxml is missing.*pip install 'tp-capital\[enrich\]'"
    ):
        read(path)


def test_a_bad_part_of_an_archive_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mixed.zip"
    path.write_bytes(zipped(a=b"Leia-me", b=HISTORY))
    bad, good = parts_of(path, symbol=None, zone=ZONE)
    assert isinstance(bad, BadRecord)
    assert bad.place == "mixed.zip: a"
    assert isinstance(good, Part)
    assert good.name == "mixed.zip: b"


def test_history_that_another_program_has_saved_anew_has_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "history"
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes(HISTORY.decode("latin-1").encode(encoding))
        assert read(path) == [(BarSource.COTAHIST, "PETR4")]


def bomb() -> bytes:
    return HISTORY + (b" " * 255 + b"\n") * 100_000


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"date,price\n", "neither COTAHIST"),
        (lambda: b"", "neither COTAHIST"),
        (zipped, "empty archive"),
        (lambda: zipped(a=HISTORY)[:-30], "cannot be unpacked"),
        (lambda: zipped(a=HISTORY)[9:], "neither COTAHIST"),
        (lambda: zipped(a=HISTORY)[:4] + zipped(a=HISTORY)[60:], "cannot be unpacked"),
        (lambda: gzip.compress(REPORT)[:-200], "cannot be unpacked"),
        (lambda: HISTORY[:300] + b"\r\n" + b"0" * 70_000, "line 3 has more than"),
        (lambda: gzip.compress(bomb()), "which no price file does"),
        (lambda: zipped(a=bomb()), "which no price file does"),
        # each within the limit by its own size, and all together beyond it
        (
            lambda: zipped(a=zipped(b=bomb()[: 12 * 1024**2]), c=bomb()[: 12 * 1024**2]),
            "which no price file does",
        ),
        (lambda: zipped(zipfile.ZIP_BZIP2, a=HISTORY), "another method than deflate"),
    ],
)
def test_a_file_that_is_none_is_refused(make: Callable[[], bytes], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(make())
    with pytest.raises(PriceFileError, match=reason):
        read(path)
