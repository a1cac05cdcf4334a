"""The words of results and updates (catalogue, sections 9.3, 9.4 and 13.6), as data.

Words stand as they are compared: lower case, no accents, with their feminine and plural forms.
"""

from __future__ import annotations

from .lexicon import words
from .rules import PRICE, TICKER, Rule, nouns, participles

__all__ = [
    "ALL_TARGETS",
    "BEFORE_CLOSED_OTHERWISE",
    "CLOSED_OTHERWISE",
    "CLOSE_BETWEEN",
    "CLOSING_FORMS",
    "CORRECTIONS",
    "LEVEL_NOUNS",
    "LISTED_WORDS",
    "NOT_QUITE",
    "NOT_YET",
    "ORDERS",
    "PARTS",
    "PAST_RESULTS",
    "PHRASE_TRIGGERS",
    "PRESENT_FORMS",
    "RESULT_RULES",
    "SOME_PARTS",
    "STOP_NOUNS",
    "STOP_PLACES",
    "STOP_PLACES_ABROAD",
    "STOP_PLACES_UNPRICED",
    "STOP_PREPOSITIONS",
    "STOP_PREPOSITIONS_ABROAD",
    "UPDATE_RULES",
]

_TARGETS = nouns("alvo tp target objetivo")
_STOPS = nouns("stop sl")
STOP_NOUNS = _STOPS
_ORDER_NOUNS = nouns("compra venda entrada ordem")

# ---- result (9.3, 13.6) ------------------------------------------------------------------------

_REACHED = words(
    """
    atingiu atingimos bateu batemos alcancou alcancamos chegou chegamos pegou pegamos buscou buscamos
    """
)
_REACHED_ABROAD = words("hit reached toco alcanzo")
_TARGET_PARTICIPLES = participles("atingido batido alcancado conquistado realizado")
_TARGET_PARTICIPLES_ABROAD = words("hit reached done smashed achieved") | participles(
    "alcanzado tocado cumplido"
)
_STOP_PARTICIPLES = participles("acionado atingido batido executado") | words("hit")
_STOPPED = participles("stopado") | words("stopou stopamos")
_CLOSED = participles("encerrado finalizado zerado fechado concluido")
_CLOSED_ABROAD = words("closed") | participles("cerrado")
_TAKEN = participles("realizado feito executado")
_WE_CLOSED = words("encerramos fechamos zeramos saimos realizamos")
_TARGETS_ABROAD = _TARGETS | nouns("meta")

LEVEL_NOUNS = _TARGETS_ABROAD | _STOPS | words("entrada entradas parcial parciais entry")

RESULT_RULES = (
    Rule("result.target_hit", _TARGETS, _TARGET_PARTICIPLES),
    Rule("result.level_reached", _REACHED, _TARGETS | nouns("stop"), verb=True),
    Rule("result.stop_hit", nouns("stop"), _STOP_PARTICIPLES),
    Rule("result.stopped", _STOPPED),
    Rule("result.closed", nouns("operacao posicao trade"), _CLOSED),
    Rule("result.partial_taken", nouns("parcial"), _TAKEN),
    Rule("result.we_closed", _WE_CLOSED, ticker=True),
    Rule("result.gain_taken", nouns("lucro gain"), participles("realizado")),
    Rule("result.at_zero", words("saiu saimos"), words("no"), verb=True, following=("zero", "a", "zero")),
    Rule("result.at_zero", words("saiu saimos"), words("no"), verb=True, following=("0x0",)),
    Rule("result.target_hit", _TARGETS_ABROAD, _TARGET_PARTICIPLES_ABROAD),
    Rule("result.level_reached", _REACHED_ABROAD, _TARGETS_ABROAD | _STOPS, verb=True),
    Rule("result.stopped", words("stopped"), words("out"), adjacent=True),
    Rule("result.stop_hit", nouns("sl"), words("hit")),
    Rule("result.stop_hit", _STOPS, participles("tocado")),
    Rule("result.closed", _CLOSED_ABROAD, words("in"), following=("profit",)),
    Rule("result.closed", _CLOSED_ABROAD, words("in"), following=("loss",)),
    Rule("result.closed", _CLOSED_ABROAD, words("at"), following=("be",)),
    Rule("result.closed", _CLOSED_ABROAD, words("at"), following=(PRICE,)),
    Rule("result.closed", _CLOSED_ABROAD, frozenset(), then_ticker=True),
)
#: these name the last of the targets (13.6)
ALL_TARGETS = words("all todos todas")
#: `no alvo` behind one of these is where the price went, not a condition (9.1)
PAST_RESULTS = (
    _REACHED
    | _TARGET_PARTICIPLES
    | words("hit reached")
    | _STOP_PARTICIPLES
    | _STOPPED
    | _CLOSED
    | _TAKEN
    | _WE_CLOSED
)

#: directly before what would be a result: it has not happened
NOT_YET = words(
    "ser sera serao seria seriam seja sejam fosse fossem for forem to will would may might can could"
)
#: between a verb and its level: the level was not reached (`chegou perto do alvo`)
NOT_QUITE = words("perto trave near close")
#: behind `fechamos` and its like, articles aside: what was closed is no trade (`fechamos a semana com PETR4 em alta`)
CLOSED_OTHERWISE = words(
    """
    dia dias semana semanas mes meses pregao pregoes ano trimestre semestre manha tarde noite sessao hoje parceria
    live turma vagas risco riscos
    """
)
BEFORE_CLOSED_OTHERWISE = words("o a os as mais um uma nosso nossa este esta esse essa por the")

# ---- update (9.4, 13.6) ------------------------------------------------------------------------

_MOVE = words("subir suba subam subimos baixar baixe baixem mover mova movam movemos levar trazer move raise")
_MOVE_CLOSE = words("sobe sobem subindo puxa puxar")
_ADJUST = words("ajustar ajuste ajustem alterar altere alterem alteramos")
_CLOSE = words("zerar zerem encerrar encerrem fechar fechem")
_CLOSE_CLOSE = words(
    """
    zerar zera zere zerem encerrar encerra encerre encerrem fechar fecha feche fechem sair saia saiam
    """
)
_LEAVE = words("sair saiam")
_TAKE = words("realizar realizem fazer")
_TAKE_CLOSE = words("realizar realiza realize realizem fazer faca facam")
_REDUCE = words("reduzir reduzam")
_CHANGED = participles("ajustado movido alterado atualizado prorrogado mantido")
_FILLED = participles("executado acionado ativado")
_FILLS = words("executou acionou")
_NEW = words("novo novos")
_MOVE_ABROAD = words("move set put bring trail tighten shift mover mueve muevan subir bajar")
_CLOSE_ABROAD = words("close take secure book")
_CLOSE_SPANISH = words("cerrar cierra cierren")

UPDATE_RULES = (
    Rule("update.stop_moved", _MOVE, _STOPS, verb=True),
    Rule("update.stop_moved", _MOVE_CLOSE, _STOPS, verb=True, close=True),
    Rule("update.adjust", _ADJUST, _STOPS | nouns("alvo entrada ordem"), verb=True),
    Rule("update.changed", nouns("stop alvo entrada ordem"), _CHANGED),
    Rule("update.new_stop", _NEW, nouns("stop"), adjacent=True),
    Rule("update.new_target", _NEW, nouns("alvo"), adjacent=True),
    Rule("update.new_entry", _NEW, words("preco precos"), adjacent=True, following=("de", "entrada")),
    Rule("update.close", _CLOSE, nouns("posicao operacao"), verb=True),
    Rule(
        "update.close",
        _CLOSE_CLOSE,
        nouns("posicao operacao restante") | words("tudo metade resto"),
        verb=True,
        close=True,
        then_ticker=True,
        then_percent=True,
    ),
    Rule("update.leave", _LEAVE, words("a"), verb=True, following=("mercado",)),
    Rule("update.leave", _LEAVE, words("da"), verb=True, following=("operacao",)),
    Rule("update.leave", _LEAVE, words("da"), verb=True, following=("posicao",)),
    Rule("update.leave", _LEAVE, words("das"), verb=True, following=("operacoes",)),
    Rule("update.leave", _LEAVE, words("das"), verb=True, following=("posicoes",)),
    Rule("update.take_partial", _TAKE, nouns("parcial metade"), verb=True),
    Rule(
        "update.take_partial",
        _TAKE_CLOSE,
        nouns("parcial metade"),
        verb=True,
        close=True,
        then_percent=True,
    ),
    Rule("update.take_partial", words("parcial"), words("em de"), adjacent=True, following=(TICKER,)),
    Rule("update.reduce", _REDUCE, nouns("posicao") | words("mao maos"), verb=True),
    Rule("update.filled", _ORDER_NOUNS, _FILLED),
    Rule("update.filled", _ORDER_NOUNS, _FILLS, verb=True),
    Rule("update.filled", _FILLS, _ORDER_NOUNS, verb=True),
    # 13.6
    Rule("update.stop_moved", _MOVE_ABROAD, _STOPS, verb=True, close=True),
    Rule("update.new_stop", words("new"), words("sl"), adjacent=True),
    Rule("update.new_stop", words("nuevo nuevos"), nouns("stop"), adjacent=True),
    Rule("update.new_target", words("new"), nouns("tp"), adjacent=True),
    Rule(
        "update.close",
        _CLOSE_ABROAD,
        words("half partial partials some profit profits all everything now"),
        verb=True,
        close=True,
        then_ticker=True,
        then_percent=True,
    ),
    Rule(
        "update.close",
        _CLOSE_SPANISH,
        words("todo mitad parcial posicion"),
        verb=True,
        close=True,
        then_ticker=True,
        then_percent=True,
    ),
)
#: what may stand between the two of `a ++ b` (9.1), and the English and Spanish like
CLOSE_BETWEEN = words("o a os as um uma seu nosso de do da em toda todo the your our el la los las del")
#: forms that are news unless nothing but tickers and words to the reader stand before them (9.4)
PRESENT_FORMS = words("zera encerra fecha realiza sobe puxa")
#: stop + one of these, then (o, a, preço de between) one of the places
STOP_PREPOSITIONS = words("no na em para")
STOP_PLACES = (
    ("zero", "a", "zero"),
    ("zero",),
    ("0x0",),
    ("breakeven",),
    ("break", "even"),
    ("be",),
    ("entrada",),
    ("preco", "medio"),
    ("pm",),
    ("custo",),
)
#: the same, only with no price behind
STOP_PLACES_UNPRICED = words("compra venda preco")
#: sl, stop + to, at, a + one of these (13.6)
STOP_PREPOSITIONS_ABROAD = words("to at a")
STOP_PLACES_ABROAD = (("be",), ("b", "/", "e"), ("break", "even"), ("breakeven",), ("entry",), ("entrada",))

#: infinitives and imperatives of 9.4: risk management where 9.1 calls them conditional
ORDERS = (
    _MOVE
    | _MOVE_CLOSE
    | _ADJUST
    | _CLOSE
    | _CLOSE_CLOSE
    | _LEAVE
    | _TAKE
    | _TAKE_CLOSE
    | _REDUCE
    | _MOVE_ABROAD
    | _CLOSE_ABROAD
    | _CLOSE_SPANISH
) - words("subimos movemos alteramos")

_NOUNS_FIRST = _ORDER_NOUNS | _STOPS | _TARGETS_ABROAD | nouns("operacao posicao trade lucro gain parcial")
#: without one of these in a message there is no pair of words that is a phrase of 9.3 or 9.4
PHRASE_TRIGGERS = (
    (frozenset(word for rule in (*RESULT_RULES, *UPDATE_RULES) for word in rule.first) - _NOUNS_FIRST)
    | _CHANGED
    | _FILLED
    | _FILLS
    | _CLOSED
    | _TAKEN
    | _TARGET_PARTICIPLES
    | _TARGET_PARTICIPLES_ABROAD
    | _STOP_PARTICIPLES
    | participles("tocado")
    | words("parcial parciais")
)

#: any verb or participle that 9.3 or 9.4 lists (9.6)
LISTED_WORDS = (
    _REACHED
    | _TARGET_PARTICIPLES
    | _STOP_PARTICIPLES
    | _STOPPED
    | _CLOSED
    | _TAKEN
    | _WE_CLOSED
    | words("hit reached")
    | _MOVE
    | _ADJUST
    | _CLOSE
    | _CLOSE_CLOSE
    | _LEAVE
    | _TAKE
    | _TAKE_CLOSE
    | _REDUCE
    | _CHANGED
    | _FILLED
    | _FILLS
)

# ---- what an event says (14.1) -----------------------------------------------------------------

#: forms of zerar, encerrar, fechar, sair: all of it is closed, unless a part is named
CLOSING_FORMS = (
    _CLOSE
    | _CLOSE_CLOSE
    | participles("encerrado zerado fechado finalizado concluido")
    | _CLOSED_ABROAD
    | words("encerramos fechamos zeramos saimos saiu saida saidas close")
    | _CLOSE_SPANISH
)
#: words for a part, and the part
PARTS = {"metade": "0.5", "half": "0.5", "mitad": "0.5"}
#: a part that has no figure
SOME_PARTS = nouns("parcial terco quarto parte") | words(
    "parcialmente meia partial partials some part third quarter lote lotes contrato contratos lots"
)

CORRECTIONS = nouns("atualizacao correcao errata")
