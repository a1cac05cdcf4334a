"""What a phrase reaches: the words behind a token, with at most three others between (catalogue, section 9.1)."""

from __future__ import annotations

from collections.abc import Iterator

from .cancel_words import CANCEL_ALONE_WORDS
from .clauses import Clause
from .lexicon import LABELS, ORDINALS_BEHIND, words
from .links import price_after
from .message import Message
from .rules import PRICE, TICKER
from .setting import PhraseContext
from .tokens import Token, TokenKind

__all__ = ["HASHES", "begins_clause", "is_word", "reach", "ticker_in_reach", "words_follow"]

#: so many words may stand between the two of a phrase
_MOST_BETWEEN = 3
_PLURAL_COUNTABLE = words("alvos objetivos targets tps")
_MOST_COUNT = 20
HASHES = frozenset("#$")


def reach(
    message: Message, setting: PhraseContext, clause: Clause, i: int, *, verb: bool = False
) -> Iterator[int]:
    """Yield the words behind token i that a phrase may reach: at most three others between.

    Tickers do not count, nor do ordinals in digits (`bateu o 1º e o 2º alvo`), `final`, `loss` or an index right after a label. `com` and `sem` end
    the reach unless a ticker follows; a price ends that of a verb to its noun.
    """
    items = message.items
    between = 0
    for j in range(i + 1, clause.end):
        token = items[j]
        if token.kind is TokenKind.WORD:
            yield j
            if token.word in _ENDING and not _ticker_at(items, j + 1):
                return
            if token.word not in ORDINALS_BEHIND and not (
                token.word in _TAKEN_IN and _is_label(items, setting, j - 1)
            ):
                between += 1
        elif token.number is not None and token.kind is not TokenKind.INDEX:
            is_index = j in setting.indices
            if verb and token.kind is TokenKind.PRICE and not is_index and not _counts_targets(items, j):
                return
            between += not is_index
        elif token.kind in _COUNTED:
            between += 1
        if between > _MOST_BETWEEN:
            return


_ENDING = frozenset(("com", "sem"))
_TAKEN_IN = frozenset(("final", "loss"))
_COUNTED = frozenset((TokenKind.FIGURE, TokenKind.DATE, TokenKind.LINK))


def ticker_in_reach(message: Message, setting: PhraseContext, clause: Clause, i: int) -> bool:
    """Tell whether a ticker stands behind a verb, at most three words between."""
    last = i
    for j in reach(message, setting, clause, i):
        if any(token.kind is TokenKind.TICKER for token in message.items[last + 1 : j]):
            return True
        last = j
    behind = message.items[last + 1] if last + 1 < clause.end else None
    return behind is not None and behind.kind is TokenKind.TICKER


def begins_clause(message: Message, start: int, i: int) -> bool:
    """Tell whether nothing but tickers and words to the reader stands before token i, from token start on."""
    for j in range(i - 1, start - 1, -1):
        token = message.items[j]
        if token.kind not in _UNHEARD and token.word not in CANCEL_ALONE_WORDS:
            return False
    return True


_UNHEARD = frozenset((TokenKind.TICKER, TokenKind.SIGN, TokenKind.BREAK, TokenKind.CURRENCY))


def words_follow(items: list[Token], i: int, words: tuple[str, ...]) -> int | None:
    """Match words in a row from token i; return the place behind them."""
    for word in words:
        if word is PRICE:
            price = price_after(items, i)
            if price is None:
                return None
            i = price + 1
            continue
        if word is TICKER:
            while i < len(items) and items[i].word in HASHES:
                i += 1
            if not _ticker_at(items, i):
                return None
        elif i >= len(items) or items[i].word != word:
            return None
        i += 1
    return i


def is_word(message: Message, i: int) -> bool:
    """Tell whether token i is the word it looks like to a phrase.

    The stop of `buy stop` is an entry, the compra of `opção de compra` a kind of option, the profit of
    `take profit` a target.
    """
    items = message.items
    word = items[i].word
    before = items[i - 1].word if i > 0 else ""
    if word == "stop":
        behind = items[i + 1].word if i + 1 < len(items) else ""
        return before not in {"buy", "sell"} and behind != "gain"
    if word in {"compra", "venda"}:
        return i < 2 or before != "de" or items[i - 2].word not in {"opcao", "opcoes"}
    return True


def _ticker_at(items: list[Token], i: int) -> bool:
    return i < len(items) and items[i].kind is TokenKind.TICKER


def _is_label(items: list[Token], setting: PhraseContext, i: int) -> bool:
    """Tell whether a label, or a label with its index, ends at token i."""
    token = items[i]
    if token.kind is TokenKind.INDEX or i in setting.indices:
        return True
    return token.kind is TokenKind.WORD and token.word in LABELS


def _counts_targets(items: list[Token], i: int) -> bool:
    """Tell the 2 of `bateu 2 alvos` from a price."""
    number = items[i].number
    return (
        number is not None
        and number.small is not None
        and number.small <= _MOST_COUNT
        and i + 1 < len(items)
        and items[i + 1].word in _PLURAL_COUNTABLE
    )
