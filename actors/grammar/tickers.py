"""The shapes of tickers: of B3 (catalogue, section 4), of currencies and of crypto (13.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from engine.model import Market

from .lexicon import words
from .prices import Notation

__all__ = ["NAMES_OF", "ROOTS", "Shape", "Ticker", "base_ticker", "ticker_of", "unknown_ticker"]


class Shape(Enum):
    """What a ticker names."""

    SHARE = "share"  # and units, ETFs, FIIs, BDRs
    OPTION = "option"
    FUTURE = "future"
    #: accepted after an asset label only
    UNKNOWN = "unknown"
    #: of another market than B3
    ABROAD = "abroad"


@dataclass(frozen=True, slots=True)
class Ticker:
    """A ticker in capitals; tickers of one root belong to one company or contract.

    ``named`` says that the text gives only the root or the name of a contract, ``base`` that it gives only
    the base of a crypto pair.
    """

    name: str
    shape: Shape
    root: str
    notation: Notation = Notation.SHARE
    named: bool = False
    base: bool = False


# ---- B3 (section 4) ----------------------------------------------------------------------------

_THOUSANDS_ROOTS = frozenset(("WIN", "IND", "WDO", "DOL"))
_ROOTS = ("WIN", "IND", "WDO", "DOL", "BGI", "CCM", "ICF", "SJC", "BIT", "DI1")
_FUTURE = re.compile(rf"(?:{'|'.join(_ROOTS)})[FGHJKMNQUVXZ][0-9]{{2}}")
_CONTINUOUS = frozenset(("WINFUT", "INDFUT", "WDOFUT", "DOLFUT"))
_SHARE = re.compile(r"[A-Z][A-Z0-9][A-Z]{2}(?:[3-8]|11|3[1-6]|39)F?")
_OPTION = re.compile(r"[A-Z][A-Z0-9][A-Z]{2}[A-X][0-9]{1,4}(?:W[1245])?E?")
_UNKNOWN = re.compile(r"[A-Z]{3,6}[0-9]{1,4}")
_LABEL_WITH_DIGITS = re.compile(
    r"(?:ALVOS?|STOP|GAIN|LOSS|TAKE|CALL|SINAL|TRADE|SWING|LOTE|PARTE|GRUPO|SAIDA|LUCRO)[0-9]+",
)

# ---- currencies (13.1) -------------------------------------------------------------------------

#: a pair of two of these is always written with decimals (13.3)
_GREAT = words("USD EUR GBP JPY CHF AUD NZD CAD")
_CODES = _GREAT | words("BRL MXN ZAR TRY CNH SGD HKD SEK NOK DKK PLN HUF CZK")
_METALS = {"XAUUSD": Notation.THOUSANDS, "XAGUSD": Notation.DECIMAL}
_INDICES = words("US30 DJ30 NAS100 US100 USTEC US500 SPX500 SP500 GER40 GER30 DE40 UK100 JP225 JPN225")
_OILS = frozenset(("USOIL", "UKOIL", "WTI", "BRENT"))
_SUFFIX = re.compile(r"(?<=[A-Z0-9])(?:m|pm|c|pro|raw|ecn)")

# ---- crypto (13.1) -----------------------------------------------------------------------------

_BASES = words(
    """
    BTC ETH BNB SOL XRP ADA DOGE AVAX LINK DOT LTC TRX ATOM NEAR ARB OP SUI APT TON SHIB PEPE UNI AAVE FIL
    BCH XLM
    """
)
_CRYPTO = re.compile(r"([A-Z0-9]{2,10}?)([/-]?)(USDT|USDC|USD|BTC|BRL)(?:-?PERP|\.P)?")


def ticker_of(text: str, market: Market = Market.B3) -> Ticker | None:
    """Read a word as a ticker of a market; None if it has no ticker's shape.

    >>> ticker_of("petrl315w2").name
    'PETRL315W2'
    >>> ticker_of("EUR/USD", Market.FOREX).name
    'EURUSD'
    """
    # capitals may be longer than the letters they come from, and may become ASCII (ﬁ, ı)
    if not text.isascii():
        return None
    if market is Market.FOREX:
        return _of_forex(text)
    if market is Market.CRYPTO:
        return _of_crypto(text.upper())
    return _of_b3(text.upper())


def _of_b3(name: str) -> Ticker | None:
    if _LABEL_WITH_DIGITS.fullmatch(name):
        return None
    if name in _CONTINUOUS or _FUTURE.fullmatch(name):
        return _future(name)
    if _SHARE.fullmatch(name):
        return Ticker(name, Shape.SHARE, name[:4])
    if _OPTION.fullmatch(name):
        return Ticker(name, Shape.OPTION, name[:4], Notation.OPTION)
    return None


def _future(name: str, *, named: bool = False) -> Ticker:
    root = name[:3]
    notation = Notation.THOUSANDS if root in _THOUSANDS_ROOTS else Notation.SHARE
    return Ticker(name, Shape.FUTURE, root, notation, named=named)


def _of_forex(text: str) -> Ticker | None:
    whole, _, suffix = text.partition(".")
    if len(suffix) > _LONGEST_SUFFIX:
        return None
    found = _exact_forex(whole.upper())
    if found is None:
        cut = _SUFFIX.sub("", whole, count=1)
        found = _exact_forex(cut) if cut != whole and whole.startswith(cut) else None
    return found


_LONGEST_SUFFIX = 5


def _exact_forex(name: str) -> Ticker | None:
    name = name.replace("/", "")
    if name in _METALS:
        return Ticker(name, Shape.ABROAD, name, _METALS[name])
    if name in _INDICES:
        return Ticker(name, Shape.ABROAD, name, Notation.THOUSANDS)
    if name in {"USOIL", "UKOIL"}:
        return Ticker(name, Shape.ABROAD, name, Notation.DECIMAL)
    one, other = name[:3], name[3:]
    if one in _CODES and other in _CODES and one != other:
        great = one in _GREAT and other in _GREAT
        return Ticker(name, Shape.ABROAD, name, Notation.DECIMAL if great else Notation.DOT_DECIMAL)
    return None


def _of_crypto(name: str) -> Ticker | None:
    match = _CRYPTO.fullmatch(name)
    if match is None:
        return None
    base, joint, quote = match.groups()
    if base in _CODES or base == quote or base.isdigit():
        return None
    if not joint and quote in {"USD", "BTC", "BRL"} and base not in _BASES:
        return None
    return Ticker(base + quote, Shape.ABROAD, base + quote, _crypto_notation(base, quote))


def _crypto_notation(base: str, quote: str) -> Notation:
    if base == "BTC":
        return Notation.THOUSANDS
    return Notation.BY_BLOCK if base == "ETH" or quote == "BRL" else Notation.DOT_DECIMAL


def base_ticker(word: str) -> Ticker | None:
    """Read a word as the known base of a crypto pair, which counts behind an asset label only."""
    name = word.upper()
    if name not in _BASES:
        return None
    return Ticker(name, Shape.ABROAD, name, _crypto_notation(name, ""), named=True, base=True)


def unknown_ticker(text: str) -> Ticker | None:
    """Read a word that stands right after an asset label, as the original parser does."""
    name = text.upper()
    if not text.isascii() or _LABEL_WITH_DIGITS.fullmatch(name) or not _UNKNOWN.fullmatch(name):
        return None
    if name in _INDICES or name in _OILS or name in _METALS or name == "DI1":
        return None
    if name[:6] in _CONTINUOUS:  # WINFUT1 is still the index future
        known = _future(name[:6])
        return Ticker(name, Shape.UNKNOWN, known.root, known.notation)
    return Ticker(name, Shape.UNKNOWN, name.rstrip("0123456789"))


# ---- names that count in asset position only ---------------------------------------------------

_Names = dict[str, list[tuple[tuple[str, ...], Ticker]]]


def _names(*pairs: tuple[str, Ticker]) -> _Names:
    found: _Names = {}
    for text, ticker in pairs:
        first, *rest = text.split()
        found.setdefault(first, []).append((tuple(rest), ticker))
    return found


_CONTRACTS = {
    "WINFUT": ("mini indice", "miniindice", "minindice"),
    "WDOFUT": ("mini dolar", "minidolar"),
    "INDFUT": ("indice cheio",),
    "DOLFUT": ("dolar cheio",),
}
_METAL_NAMES = {"XAUUSD": ("gold", "ouro", "oro"), "XAGUSD": ("silver",)}
#: the roots of contracts as words are compared
ROOTS = frozenset(root.lower() for root in _ROOTS)
#: market -> first word -> (the words after it, the ticker)
NAMES_OF: dict[Market, _Names] = {
    Market.B3: _names(
        *((root.lower(), _future(root + "FUT", named=True)) for root in _ROOTS),
        *(
            (name, _future(contract, named=True))
            for contract, names_ in _CONTRACTS.items()
            for name in names_
        ),
    ),
    Market.FOREX: _names(
        *(
            (name, Ticker(metal, Shape.ABROAD, metal, _METALS[metal], named=True))
            for metal, names_ in _METAL_NAMES.items()
            for name in names_
        ),
        *(
            (oil.lower(), Ticker(oil, Shape.ABROAD, oil, Notation.DECIMAL, named=True))
            for oil in ("WTI", "BRENT")
        ),
    ),
    Market.CRYPTO: {},
}
