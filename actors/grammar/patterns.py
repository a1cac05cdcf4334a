"""What a token looks like: one regular expression for each market (catalogue, sections 4, 5 and 13)."""

from __future__ import annotations

import re
from calendar import monthrange

from engine.model import Market

from .text import CHECK, ODD, ODD_END, fold

__all__ = ["MONTHS", "MONTH_WORDS", "PATTERN_OF", "date_of"]

MONTHS = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")
_MONTH = (
    "(?:jan(?:eiro)?|fev(?:ereiro)?|mar(?:[cç]o)?|abr(?:il)?|maio?|jun(?:ho)?|jul(?:ho)?"
    "|ago(?:sto)?|set(?:embro)?|out(?:ubro)?|nov(?:embro)?|dez(?:embro)?)"
)
#: months as words are compared, long and short
MONTH_WORDS = frozenset(
    (
        *MONTHS,
        *("janeiro", "fevereiro", "marco", "abril", "maio", "junho", "julho", "agosto", "setembro"),
        *("outubro", "novembro", "dezembro"),
    )
)
_DAY = "(?:0?[1-9]|[12][0-9]|3[01])"
_NUMERIC_MONTH = "(?:0?[1-9]|1[0-2])"
#: Repetitions whose pieces cannot be cut in two ways, so that giving one back costs a look at most. Not
#: possessive: Python 3.11 before 3.11.5 (Debian 12 has 3.11.2) matches possessive groups wrongly
#: (python/cpython issue 106052).
_NUMBER = "[.,]?[0-9]+(?:[.,][0-9]+)*"
#: letters, digits, and marks that strike digits through (such a number is not read)
_W = r"[\w\u0300-\u036f\u20d0-\u20ff]"
_PLAIN = rf"{_W}*(?:(?<=[0-9])[.,](?=[0-9]){_W}+)*"
#: between the digits of two figures none of these may stand (5.5)
_FOREIGN = rf"^\w\s.,;:/|~=()%\-{ODD}{ODD_END}"
_LINK = r"(?i:https?://|www\.|t\.me/)"
_CURRENCY = r"(?:[Rr]|[Uu][Ss])?\$"
#: after a target label `2:50` is an index and a price, not an hour
_NO_TARGET_LABEL = "".join(
    f"(?<!(?i:{word})[ ])"
    for word in (
        *("alvo", "objetivo", "tp", "target", "take", "profit", "gain"),
        *("parcial", "lucro", "sa[ií]da", "meta", "entrada", "entry"),
    )
)

#: currencies and crypto pairs are written with a slash, a hyphen or a suffix, too (13.1)
_PAIR_OF = {
    Market.B3: "",
    Market.FOREX: r"(?<![\w/])(?P<pair>[A-Za-z]{3}/[A-Za-z]{3}(?:[a-z]{1,3})?(?:\.[A-Za-z0-9]{1,5})?|(?=[0-9]*[A-Za-z])[A-Za-z0-9]{4,9}\.[A-Za-z0-9]{1,5})(?![\w/])|",
    Market.CRYPTO: r"(?<![\w/-])(?P<pair>[A-Za-z0-9]{2,10}[/-](?i:USDT|USDC|USD|BTC|BRL)(?:-?(?i:PERP)|\.[pP])?|[A-Za-z0-9]{2,14}(?:-(?i:PERP)|\.[pP])|[0-9]+[A-Za-z][A-Za-z0-9]*(?i:USDT|USDC))(?![\w/])|",
}

# The commonest tokens come first. A space before a token is eaten with it, which spares the search. A look
# ahead at one of a few characters spares most tokens the long alternatives that begin with it.
_TOKEN = rf"""
    (?P<word>(?!(?=[HhRrTtUuWw])(?:{_LINK}|{_CURRENCY}))[^\W0-9]{_PLAIN})(?:\.(?i:SA)(?!\w))?
    |(?P<break>\n)
    |(?P<colon>[:()])
    |(?<![\w/.,])(?=[0-9]{{1,4}}o?[/\- ])(?P<date>
        (?P<day>{_DAY})o?/(?P<month>{_NUMERIC_MONTH})(?:/(?P<year>[0-9]{{4}}|[0-9]{{2}}))?(?![\w/]|[.,][0-9])
        |(?P<day_of>{_DAY})o?(?:/|[ ](?i:de)[ ])(?P<month_of>(?i:{_MONTH}))
         (?:(?:/|[ ](?i:de)[ ]|[ ])(?P<year_of>20[0-9]{{2}}|(?<=/)[0-9]{{2}}))?(?!\w)
        |[0-9]{{1,2}}/(?:19|20)[0-9]{{2}}(?![\w/]|[.,][0-9])
        |[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?![\w-]|[.,][0-9])
        |[0-9]{{1,2}}-[0-9]{{1,2}}-[0-9]{{4}}(?![\w-]|[.,][0-9])
    )
    |(?<![\w:.,])(?=[0-9]{{1,2}}:)(?P<time>
        (?:[01][0-9]|2[0-4]|{_NO_TARGET_LABEL}[0-9]):[0-5][0-9](?::[0-5][0-9])?(?:hs?)?(?![\w:]|[.,][0-9])
    )
    |(?<![\w.,])(?=[0-9.,+\-])(?P<percent>(?:(?P<signed>(?<![)%])[+-]|[+][ ]))?{_NUMBER}[ ]?%)
    |(?P<number>(?:(?<![\w.,])[.,])?[0-9]{_PLAIN})(?P<tail>(?:(?<=[0-9])[{_FOREIGN}]+[0-9]{_PLAIN})+)?
     (?P<mil>[ ](?i:mil)(?!\w))?
    |{ODD}(?P<odd>[0-9]*){ODD_END}
    |(?P<currency>{_CURRENCY})
    |(?P<link>{_LINK}\S+)
    |(?P<check>{CHECK})
    |(?P<sign>[^ \t])
    )"""
PATTERN_OF = {
    market: re.compile(rf"[ \t]?(?:{pair}{_TOKEN}", re.VERBOSE) for market, pair in _PAIR_OF.items()
}
#: a date without a year may be 29/02
_LEAP_YEAR = 2024


def date_of(match: re.Match[str]) -> str:
    """Write a date as DD/MM or DD/MM/YYYY; "" if there is no such day."""
    day = match["day"] or match["day_of"]
    if day is None:  # month and year, or in another order: a date, but not a day of validity
        return ""
    year = match["year"] or match["year_of"]
    year = f"20{year}" if year is not None and len(year) == 2 else year
    month = int(match["month"] or MONTHS.index(fold(match["month_of"])[:3]) + 1)
    in_year = int(year) if year is not None else _LEAP_YEAR
    if in_year == 0 or int(day) > monthrange(in_year, month)[1]:
        return ""
    return f"{int(day):02}/{month:02}" + (f"/{year}" if year is not None else "")
