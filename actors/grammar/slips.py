"""Figures that hold a slip or a digit of another script: they have no value (catalogue, section 5.5)."""

from __future__ import annotations

import re

from .tokens import TokenKind, Tokens

__all__ = ["void_figures"]

#: what is typed for a digit or separator: `43,5O`, `43,l0`, `40.,50`, `38:50`, which is no hour
_SLIP = (
    r"(?<=[0-9][.,])(?:[oO][oO0-9]|[lI][0-9])|(?<=[0-9][.,][0-9])[oO]\b|(?<=[0-9])(?:\.,|,\.)(?=[0-9])"
    r"|(?<![\w.,:])(?:2[5-9]|[3-9][0-9]):[0-9]{2}(?![\w:]|[.,][0-9])"
)
#: the same, or a digit of another script, which is no digit here (5.5)
_NO_DIGITS = re.compile(rf"[^\D0-9]|{_SLIP}")
#: what each of them holds, with a digit first, which is much quicker to seek
_MAY_BE_NO_DIGIT = re.compile(r"\d(?:(?<![0-9])|[.,](?:[oOlI.,]|[0-9][oO])|:[0-9])")
_SEPARATORS = ".,"
_IN_FIGURES = ".,oO"


def void_figures(tokens: Tokens) -> None:
    """Take the value from every figure that holds a slip or another script's digit: what is left is another number."""
    text, done = tokens.text, 0
    if _MAY_BE_NO_DIGIT.search(text) is None:
        return
    voids: list[tuple[int, int]] = []
    for match in _NO_DIGITS.finditer(text):
        if match.start() < done:
            continue
        begin, end = match.span()
        while begin > done and (text[begin - 1].isdecimal() or text[begin - 1] in _SEPARATORS):
            begin -= 1
        while end < len(text) and (text[end].isdecimal() or text[end] in _IN_FIGURES):
            end += 1
        voids.append((begin, end))
        done = end
    if not voids:
        return
    figures = iter(voids)
    begin, end = next(figures)
    for token in tokens.items:
        while token.start >= end:
            begin, end = next(figures, (len(text), len(text) + 1))
        if token.end > begin and token.kind is not TokenKind.BREAK:
            token.kind, token.number, token.ticker, token.odd = TokenKind.FIGURE, None, None, True
            tokens.foreign = True
    tokens.prices = [i for i in tokens.prices if tokens.items[i].kind is TokenKind.PRICE]
