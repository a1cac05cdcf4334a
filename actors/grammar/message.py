"""A message cut up once: its tokens, its clauses and its labels, for everything that reads it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model import Market

from .asset_names import mark_names
from .clauses import Clause, split_clauses
from .distances import mark_units
from .lexicon import LABELS, PIPS, POINTS, VOCABULARY_ABROAD, VOCABULARY_OF_B3, Field, Vocabulary
from .quantities import mark_quantities
from .slips import void_figures
from .tables import Table, write_out_tables
from .text import Prepared
from .tickers import unknown_ticker
from .tokens import Token, TokenKind, Tokens, tokenise

__all__ = ["Message", "cut"]


@dataclass(slots=True)
class Message:
    """The pieces of one message: ``items`` are its tokens; ``clause_of`` leads from one to its clause's number."""

    prepared: Prepared
    market: Market
    #: the word lists of its market
    vocabulary: Vocabulary
    tokens: Tokens
    items: list[Token]
    clauses: list[Clause]
    clause_of: list[int]
    #: the tokens that are tickers
    tickers: list[int]
    tables: list[Table]
    #: a number stands beside pts, pontos, pips or ticks
    has_units: bool

    def clause_at(self, i: int) -> Clause:
        """Return the clause that token i stands in."""
        return self.clauses[self.clause_of[i]]

    def tokens_of_clause(self, i: int) -> list[Token]:
        """Return the tokens of the clause that token i stands in."""
        clause = self.clause_at(i)
        return self.items[clause.start : clause.end]

    def clauses_with(self, words: frozenset[str]) -> list[Clause]:
        """Return the clauses that hold one of some words."""
        found = dict.fromkeys(
            n for n, token in zip(self.clause_of, self.items, strict=True) if token.word in words
        )
        return [self.clauses[n] for n in found]

    def begins_line(self, i: int) -> bool:
        """Tell whether only signs and numbers stand before token i on its line."""
        start = self.tokens.lines[self.items[i].line][0]
        return all(token.kind in _COUNTING for token in self.items[start:i])

    def follows_line(self, line: int, other: int) -> bool:
        """Tell whether a line is the first that is not empty behind another."""
        lines = self.tokens.lines
        return other < line and all(start == end for start, end in lines[other + 1 : line])

    def line_end(self, i: int) -> int:
        """Return the place behind the last token of token i's line."""
        return self.tokens.lines[self.tokens.items[i].line][1]

    def next_line(self, i: int) -> int:
        """Return the first token of the next non-empty line behind token i; the end if there is none."""
        items = self.tokens.items
        i = self.line_end(i)
        while i < len(items) and items[i].kind is TokenKind.BREAK:
            i += 1
        return i


_COUNTING = frozenset((TokenKind.SIGN, TokenKind.PRICE, TokenKind.INDEX))
_UNITS = POINTS | PIPS
_ASSET_WORDS = frozenset(
    first
    for first, ends in LABELS.items()
    if any(field is Field.ASSET and not rest for rest, field, _ in ends)
)


def _accept_unknown_shapes(tokens: Tokens) -> None:
    """Make a ticker of what follows an asset label and looks like one (`WINFUT1`, section 4).

    The same word elsewhere in the message is that ticker, too.
    """
    items = tokens.items
    accepted = {
        word
        for i, token in enumerate(items)
        if token.word in _ASSET_WORDS and (word := _behind(items, i + 1))
    }
    if accepted:
        for token in items:
            if token.kind is TokenKind.WORD and token.word in accepted:
                token.kind, token.ticker = TokenKind.TICKER, unknown_ticker(token.word)


def _behind(items: list[Token], i: int) -> str:
    """Return the word right behind an asset label, signs aside, if it may be an unknown ticker."""
    if i + 1 < len(items) and items[i].word == "de" and items[i + 1].word in _CALL_OR_PUT:
        i += 2
    while i < len(items) and items[i].kind in _SILENT:
        i += 1
    if i == len(items) or items[i].kind is not TokenKind.WORD or unknown_ticker(items[i].word) is None:
        return ""
    return items[i].word


_SILENT = frozenset((TokenKind.SIGN, TokenKind.BREAK))
_CALL_OR_PUT = frozenset(("compra", "venda"))


def cut(prepared: Prepared, market: Market) -> Message:
    """Cut a prepared text into tokens and clauses."""
    prepared, tables = write_out_tables(prepared, market)
    tokens = tokenise(prepared, market)
    void_figures(tokens)
    vocabulary = VOCABULARY_OF_B3 if market is Market.B3 else VOCABULARY_ABROAD
    mark_names(tokens, market, vocabulary)
    if market is Market.B3 and not tokens.words.isdisjoint(_ASSET_WORDS):
        _accept_unknown_shapes(tokens)
    mark_quantities(tokens, market)
    has_units = tokens.glued_unit or not tokens.words.isdisjoint(_UNITS)
    if has_units:
        mark_units(tokens.items)
    tickers = [i for i, token in enumerate(tokens.items) if token.ticker is not None]
    clauses, clause_of = split_clauses(tokens, tickers, vocabulary)
    return Message(
        prepared, market, vocabulary, tokens, tokens.items, clauses, clause_of, tickers, tables, has_units
    )
