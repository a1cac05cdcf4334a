"""Opens a price file: says by its content what it is, unpacks ZIP and gzip, and refuses what unpacks without end."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import IO, Any, cast

from engine.bars import BarSource
from storage.quotes.cotahist import HEADER as COTAHIST_HEADER
from storage.quotes.cotahist import read_cotahist
from storage.quotes.metatrader import HEADER as METATRADER_HEADER
from storage.quotes.metatrader import period_of, read_metatrader, symbol_in_name
from storage.quotes.plain_csv import is_plain_csv, read_plain_csv
from storage.quotes.reading import BadRecord, Entry, PriceFileError

__all__ = ["Part", "parts_of"]

#: a year of COTAHIST takes half of a gigabyte
LARGEST = 8 * 1024**3
#: texts and XML of the exchange shrink to a tenth or twentieth
MOST_TIMES = 200
#: from here on it counts how many times as large the content is
_UNPACKED_FREELY = 16 * 1024**2
#: a ZIP of the exchange's web site holds a ZIP of the report's versions
_DEEPEST = 2
#: the exchange packs by these; others may unpack to gigabytes at a single read
_METHODS = frozenset([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
_HEAD = 4096
_CHUNK = 256 * 1024
#: no line of any kind is nearly as long
_LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file, or one within an archive. ``entries`` may raise ``PriceFileError``."""

    name: str
    source: BarSource
    entries: Iterator[Entry]


def parts_of(
    path: Path, *, symbol: str | None, zone: tzinfo, told: Callable[[int], object] = lambda _: None
) -> Iterator[Part | BadRecord]:
    """Yield the parts of a file, each to be read before the next. A bad one is of no known kind.

    ``told`` is told the bytes of the file that were read so far.

    Args:
        path: The file.
        symbol: The symbol of an export of MetaTrader, whose file tells it by its name only.
        zone: The time zone of an export of MetaTrader.
        told: See above.

    Raises:
        PriceFileError: the file cannot be read or unpacked.
    """
    with _plain_errors(), path.open("rb") as file:
        stream = io.BufferedReader(_Watched(file, lambda _: told(file.tell())), _CHUNK)
        allowance = _Allowance(path.stat().st_size)
        for name, content in _unpacked(stream, path.name, allowance, depth=0):
            try:
                with _plain_errors():
                    part = _part(name, content, symbol=symbol, zone=zone)
            except PriceFileError as error:
                yield BadRecord(place=name, reason=str(error))
            else:
                yield replace(part, entries=_with_plain_errors(part.entries))


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile,
        gzip.BadGzipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise PriceFileError(f"cannot be unpacked: {error}") from error
    except OSError as error:
        raise PriceFileError(f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise PriceFileError("is no text in its encoding") from None


def _with_plain_errors(entries: Iterator[Entry]) -> Iterator[Entry]:
    with _plain_errors():
        yield from entries


def _part(name: str, stream: io.BufferedReader[Any], *, symbol: str | None, zone: tzinfo) -> Part:
    head = stream.peek(_HEAD)[:_HEAD]
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if is_utf16 else "utf-8-sig"
    text = head.decode(encoding, errors="replace").lstrip()
    first = text.partition("\n")[0]
    if text.startswith(COTAHIST_HEADER):
        # latin-1 as the exchange writes it; a program that has saved it anew leaves a mark
        form = encoding if is_utf16 or head.startswith(codecs.BOM_UTF8) else "latin-1"
        return Part(name=name, source=BarSource.COTAHIST, entries=read_cotahist(_lines(stream, form)))
    if first.startswith(METATRADER_HEADER):
        file_name = Path(name.rpartition(": ")[2]).name
        of = symbol or symbol_in_name(file_name)
        if of is None:
            raise PriceFileError(
                "the name of this MetaTrader export does not begin with its symbol, as WIN$N_M5_....csv does:"
                " give it with --symbol"
            )
        entries = read_metatrader(
            _lines(stream, encoding), symbol=of.upper(), zone=zone, period=period_of(file_name)
        )
        return Part(name=name, source=BarSource.METATRADER, entries=entries)
    if text.startswith("<"):
        return Part(name=name, source=BarSource.BVBG086, entries=_xml_entries(stream))
    if is_plain_csv(first):
        return Part(name=name, source=BarSource.CSV, entries=read_plain_csv(_lines(stream, encoding)))
    raise PriceFileError(
        "is neither COTAHIST, BVBG.086, a MetaTrader 5 export nor a CSV with the columns of docs/prices.md"
    )


def _xml_entries(stream: IO[bytes]) -> Iterator[Entry]:
    try:
        from storage.quotes.bvbg086 import read_bvbg086  # noqa: PLC0415 - it needs the extra
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise PriceFileError(
            f"the package {package} is missing, which reads XML: pip install 'tp-capital[enrich]'"
        ) from None
    return read_bvbg086(stream)


def _lines(stream: io.BufferedReader[Any], encoding: str) -> Iterator[str]:
    """Yield the lines without their ends. One without an end would fill the memory."""
    text = io.TextIOWrapper(stream, encoding)
    number = 0
    while line := text.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE:
            raise PriceFileError(f"line {number} has more than {_LONGEST_LINE} characters")
        yield line.rstrip("\r\n")


def _unpacked(
    stream: io.BufferedReader[Any], name: str, allowance: _Allowance, *, depth: int
) -> Iterator[tuple[str, io.BufferedReader[Any]]]:
    """Yield the files within, or the stream itself if it is no archive."""
    head = stream.peek(4)
    is_zip, is_gzip = head.startswith((b"PK\x03\x04", b"PK\x05\x06")), head.startswith(b"\x1f\x8b")
    if not (is_zip or is_gzip):
        yield name, stream
        return
    if depth == _DEEPEST:
        raise PriceFileError("has archives within archives within archives")
    if is_gzip:
        content = io.BufferedReader(
            _Watched(cast("IO[bytes]", gzip.GzipFile(fileobj=stream)), allowance.take)
        )
        yield from _unpacked(content, name.removesuffix(".gz"), allowance, depth=depth + 1)
        return
    with zipfile.ZipFile(stream) as archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        if not members:
            raise PriceFileError("is an empty archive")
        # the versions of a report carry their time in their names; the last one counts
        for member in sorted(members, key=lambda each: each.filename):
            if member.compress_type not in _METHODS:
                raise PriceFileError(f"{member.filename} is packed by another method than deflate")
            with archive.open(member) as file:
                content = io.BufferedReader(_Watched(file, allowance.take))
                yield from _unpacked(content, f"{name}: {member.filename}", allowance, depth=depth + 1)


class _Allowance:
    """How much a file may unpack to, with all archives in it together."""

    def __init__(self, packed: int) -> None:
        self._packed = packed
        self._most = min(LARGEST, max(_UNPACKED_FREELY, MOST_TIMES * packed))
        self._taken = 0

    def take(self, count: int) -> None:
        """Count what was unpacked.

        Raises:
            PriceFileError: it is too much.
        """
        self._taken += count
        if self._taken > self._most:
            raise PriceFileError(
                f"{self._packed} bytes unpack to {self._taken} or more, which no price file does"
            )


class _Watched(io.RawIOBase):
    """A file that tells how many bytes each read has found."""

    def __init__(self, file: IO[bytes], told: Callable[[int], object]) -> None:
        self._file = file
        self._told = told

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        self._told(len(found))
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("its directory is damaged")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
