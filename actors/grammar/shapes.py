"""The phrases of 9.3, 9.4 and 13.6 that are no pair of words: their shape is matched here."""

from __future__ import annotations

from collections.abc import Iterator

from .clauses import Clause
from .lexicon import Field, words
from .links import follow, price_after
from .mentions import Mention, Mentions
from .message import Message
from .phrasebook import (
    STOP_PLACES,
    STOP_PLACES_ABROAD,
    STOP_PLACES_UNPRICED,
    STOP_PREPOSITIONS,
    STOP_PREPOSITIONS_ABROAD,
)
from .phrases import find_phrases, is_plan
from .reaching import is_word, reach, words_follow
from .setting import Phrase, PhraseContext
from .tokens import Token, TokenKind

__all__ = ["all_phrases", "check_mark_behind"]

_STOPS = words("stop stops sl sls")
#: what a ticker or a place may follow
_PLACED = _STOPS | {"saida"}
_ARTICLES = frozenset(("o", "a", "the"))
#: target labels whose check mark is a phrase (13.6)
_CHECKED = words("tp tps target targets objetivo objetivos meta metas")
_TARGET_LINKS = words("em de no")


def all_phrases(message: Message, mentions: Mentions, setting: PhraseContext) -> list[Phrase]:
    """Return all phrases of 9.3 and 9.4 that count, in text order."""
    found = find_phrases(message, setting)
    said = message.tokens.words
    stops = not (said.isdisjoint(_STOPS) or said.isdisjoint(_PREPOSITIONS))
    if stops or "saida" in said:
        for i, token in enumerate(message.items):
            if token.word not in _PLACED or i in setting.values:
                continue
            clause = message.clause_at(i)
            if setting.silences(clause) or is_plan(message, setting, clause):
                continue
            if token.word == "saida":
                found += _exit(message, clause, i)
            elif _leads_on(message, clause, i) and is_word(message, i):
                found += _stop_placed(message, setting, clause, i)
    if message.tokens.checks:
        found += _checked_targets(message, mentions, setting)
    found = [phrase for phrase in found if phrase.end < phrase.clause.denied]
    return sorted(found, key=lambda phrase: (phrase.start, phrase.end))


def _leads_on(message: Message, clause: Clause, i: int) -> bool:
    """Tell whether a word that puts a stop to its place is near behind token i: a cheap look beforehand."""
    items = message.items
    return any(items[j].word in _PREPOSITIONS for j in range(i + 1, min(i + _NEAR, clause.end)))


#: `stop para 17,60` moves it
_TO_PRICE = STOP_PREPOSITIONS_ABROAD | {"para", "pra"}
_PREPOSITIONS = STOP_PREPOSITIONS | _TO_PRICE
_NEAR = 12


def _stop_placed(message: Message, setting: PhraseContext, clause: Clause, i: int) -> Iterator[Phrase]:
    """Match `stop no zero a zero`, `stop para o preço de entrada`, `SL to BE` at token i."""
    items = message.items
    for j in reach(message, setting, clause, i):
        word = items[j].word
        if word not in _PREPOSITIONS:
            continue
        if word in _TO_PRICE and not setting.assets and setting.has_ticker:
            price = price_after(items, j + 1)
            if price is not None and price < clause.end and _is_of_stop(items[i + 1 : j]):
                yield Phrase("update.stop_moved", i, price, clause)
                return
        k = j + 1
        while k < clause.end and items[k].word in _ARTICLES:
            k += 1
        places = STOP_PLACES if word in STOP_PREPOSITIONS else STOP_PLACES_ABROAD
        for start in (words_follow(items, k, ("preco", "de")), k):
            end = next(
                (e for p in places if start and (e := words_follow(items, start, p)) is not None), None
            )
            if end is None and start == k and word in STOP_PREPOSITIONS:
                end = _unpriced_place(message, clause, k)
            if end is not None and end <= clause.end:
                yield Phrase("update.stop_placed", i, end - 1, clause)
                return


def _is_of_stop(between: list[Token]) -> bool:
    """Tell whether nothing but its ticker and its way stands behind the stop: `stop de GGBR4 sobe para 17,60`."""
    return all(token.kind is TokenKind.TICKER or token.word in _OF_TICKER for token in between)


_OF_TICKER = words("de da do em na no # $ : sobe sobem subiu desce desceu passa passou")


def _unpriced_place(message: Message, clause: Clause, k: int) -> int | None:
    """Match `compra`, `venda`, `preço` at token k with no price behind, o, a, preço de before it aside."""
    items = message.items
    while k < clause.end and (items[k].word in _ARTICLES or items[k].word in {"preco", "de"}):
        behind = items[k + 1].word if k + 1 < clause.end else ""
        if items[k].word == "preco" and behind != "de":
            break
        k += 1
    if k >= clause.end or items[k].word not in STOP_PLACES_UNPRICED:
        return None
    return None if follow(message, k + 1).price is not None else k + 1


def _exit(message: Message, clause: Clause, i: int) -> Iterator[Phrase]:
    """Match `saída de`, a ticker, then a price, `a mercado` or the clause's end."""
    items = message.items
    if i + 2 >= len(items) or items[i + 1].word != "de":
        return
    k = i + 2
    while k < clause.end and items[k].word in {"#", "$"}:
        k += 1
    if k >= clause.end or items[k].kind is not TokenKind.TICKER:
        return
    last = k
    k += 1
    while k < clause.end and items[k].word in {"a", "em", "at", "@", ":", "-", ","}:
        k += 1
    at_end = all(token.kind in _SILENT for token in items[last + 1 : clause.end])
    at_market = k < clause.end and items[k].word == "mercado" and items[k - 1].word == "a"
    price = price_after(items, k)
    if at_end or at_market or (price is not None and price < clause.end):
        yield Phrase("result.exit", i, last, clause)


_SILENT = frozenset((TokenKind.SIGN, TokenKind.BREAK))


def _checked_targets(message: Message, mentions: Mentions, setting: PhraseContext) -> Iterator[Phrase]:
    """Match `Alvo 2 em ECOR3 ✅` (9.3) and `TP1 ✅` (13.6)."""
    items, checks = message.items, message.tokens.checks
    for mention in mentions.all:
        label = mention.label
        if label.field is not Field.TARGET:
            continue
        clause = message.clause_at(label.head)
        if setting.silences(clause) or is_plan(message, setting, clause) or label.head in setting.values:
            continue
        if items[label.head].word in _CHECKED and not mention.targets and check_mark_behind(message, mention):
            yield Phrase("result.target_hit", label.start, mention.index_end - 1, clause)
            continue
        i = mention.index_end
        number = items[i].number if i < len(items) else None
        if mention.index_token is None and number is not None and number.small is not None:
            i += 1
        if i + 1 >= len(items) or items[i].word not in _TARGET_LINKS:
            continue
        i += 1
        while i < len(items) and items[i].word in {"#", "$"}:
            i += 1
        if i < len(items) and items[i].kind is TokenKind.TICKER and i in checks:
            yield Phrase("result.target_hit", label.start, i, clause)


def check_mark_behind(message: Message, mention: Mention) -> bool:
    """Tell whether a check mark stands right after a target label or its index, signs aside."""
    items, checks = message.items, message.tokens.checks
    last = mention.index_end - 1
    if mention.label.end - 1 in checks or last in checks:
        return True
    # `Alvo 1 ✅`: of a label without a price the integer is its index
    behind = items[last + 1] if last + 1 < len(items) else None
    if behind is not None and behind.number is not None and behind.number.small is not None:
        last += 1
    while last not in checks and last + 1 < len(items) and items[last + 1].kind is TokenKind.SIGN:
        last += 1
    return last in checks
