"""Price files in the layouts of the exchange, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["cotahist", "cotahist_line", "price_report", "price_reports", "write_cotahist"]


def cotahist_line(
    symbol: str = "PETR4",
    *,
    day: str = "20251127",
    market: str = "010",
    prices: tuple[int, int, int, int] = (3810, 3890, 3795, 3840),
    strike: int = 0,
    expiry: str = "99991231",
    factor: int = 1,
    isin: str = "BRPETRACNPR6",
    distribution: int = 230,
    name: str = "PETROBRAS",
) -> str:
    """Return a record. ``prices`` are open, high, low and last, in cents."""
    opened, high, low, last = (f"{price:013}" for price in prices)
    fields = (
        ("01", day, "02", f"{symbol:12}", market, f"{name:12}", f"{'PN      N2':10}", "   ", "R$  "),
        (opened, high, low, f"{0:013}", last, f"{0:013}", f"{0:013}", f"{7:05}", f"{33004100:018}"),
        (
            f"{1:018}",
            f"{strike:013}",
            "0",
            expiry,
            f"{factor:07}",
            f"{0:013}",
            f"{isin:12}",
            f"{distribution:03}",
        ),
    )
    return "".join("".join(group) for group in fields)


def cotahist(lines: Iterable[str]) -> list[str]:
    """Return the lines of a whole file around these records."""
    header = "00COTAHIST.2025BOVESPA 20251127".ljust(245)
    within = list(lines)
    return [header, *within, f"99COTAHIST.2025BOVESPA 20251127{len(within) + 2:011}".ljust(245)]


def write_cotahist(path: Path, lines: Iterable[str]) -> Path:
    """Write a whole file."""
    path.write_text("\r\n".join(cotahist(lines)) + "\r\n", "latin-1", newline="")
    return path


def price_report(symbol: str, *, stream: str = "E", quantity: int = 10, **prices: object) -> str:
    """Return the report of an instrument. ``prices`` are elements as FrstPric."""
    values = "".join(f'<{name} Ccy="BRL">{price}</{name}>' for name, price in prices.items())
    attributes = f"<MktDataStrmId>{stream}</MktDataStrmId><FinInstrmQty>{quantity}</FinInstrmQty>{values}"
    return (
        '<BizGrp><Document xmlns="urn:bvmf.217.01.xsd"><PricRpt><TradDt><Dt>2025-11-27</Dt></TradDt>'
        f"<SctyId><TckrSymb>{symbol}</TckrSymb></SctyId>"
        f"<FinInstrmAttrbts>{attributes if prices else ''}</FinInstrmAttrbts></PricRpt></Document></BizGrp>\n"
    )


def price_reports(reports: Iterable[str]) -> bytes:
    """Return a whole document, which begins with a byte order mark as the exchange's."""
    body = "".join(reports)
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<Document xmlns="urn:bvmf.052.01.xsd"><BizFileHdr><Xchg>'
        f"{body}</Xchg></BizFileHdr></Document>"
    ).encode()
