"""The words of the catalogue's phrases (sections 8 and 9), as data.

Words stand as they are compared: lower case, no accents, with their feminine and plural forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from .lexicon import words

__all__ = [
    "ALL_TARGETS",
    "CANCEL_ALONE_WORDS",
    "CANCEL_CONDITIONAL",
    "CANCEL_FUTURE",
    "CANCEL_FUTURE_AUXILIARIES",
    "CANCEL_NEGATION_LINKS",
    "CANCEL_NOT_FILLED",
    "CANCEL_NOUNS",
    "CANCEL_PARTICIPLES",
    "CANCEL_PRESENT",
    "CANCEL_RULES",
    "CLOSE_BETWEEN",
    "CLOSING_FORMS",
    "CORRECTIONS",
    "EVENT_PREFIXES",
    "EVENT_WORDS",
    "EXPECTING",
    "NEGATABLE_VERBS",
    "ORDERS",
    "OUTCOMES",
    "PARTS",
    "PAST_RESULTS",
    "PHRASE_TRIGGERS",
    "PRESENT_FORMS",
    "PRICE",
    "RESULT_NOUNS",
    "RESULT_RULES",
    "RISK_WORDS",
    "SOME_PARTS",
    "STOP_ADVICE",
    "STOP_PLACES",
    "STOP_PLACES_ABROAD",
    "STOP_PLACES_UNPRICED",
    "STOP_PREPOSITIONS",
    "STOP_PREPOSITIONS_ABROAD",
    "TICKER",
    "UPDATE_RULES",
    "WEAK_NOUNS",
    "Rule",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """One phrase: a word of ``first``, and one of ``then`` after it within reach (9.1).

    Without ``then`` the first word is the phrase. ``verb`` tells a verb with its noun, which no
    price may part. ``close`` is the catalogue's `++`: only articles and tickers may stand between;
    ``adjacent`` allows nothing. ``then_ticker`` and ``then_percent`` take a ticker and an unsigned
    percentage for a word of ``then``. ``ticker`` asks for a ticker in the message. ``following`` are words
    that must stand right behind the last one.
    """

    reason: str
    first: frozenset[str]
    then: frozenset[str] | None = None
    verb: bool = False
    ticker: bool = False
    adjacent: bool = False
    close: bool = False
    then_ticker: bool = False
    then_percent: bool = False
    following: tuple[str, ...] = ()


def _participles(text: str) -> frozenset[str]:
    """Add the feminine and the plurals to participles in -o."""
    return frozenset(word[:-1] + end for word in text.split() for end in ("o", "a", "os", "as"))


def _nouns(text: str) -> frozenset[str]:
    """Add the plurals to nouns."""
    return frozenset(form for word in text.split() for form in (word, _plural(word)))


def _plural(noun: str) -> str:
    for singular, plural in (("ao", "oes"), ("al", "ais"), ("em", "ens")):
        if noun.endswith(singular):
            return noun.removesuffix(singular) + plural
    return noun + "s"


#: in ``following``: any price, any ticker
PRICE, TICKER = "<price>", "<ticker>"

_TARGETS = _nouns("alvo tp target objetivo")
_STOPS = _nouns("stop sl")
_ORDER_NOUNS = _nouns("compra venda entrada ordem")

# ---- cancel (9.2) ------------------------------------------------------------------------------

CANCEL_NOUNS = _nouns(
    "operacao ordem sinal entrada compra venda trade order signal setup limit senal orden"
) | words("operacion ordenes")
#: with a noun in the clause, or a ticker in the message
CANCEL_PARTICIPLES = _participles("cancelado anulado abortado") | words("cancelamos cancelled canceled")
#: may stand around a cancelling verb that is alone in its clause, and before a form in -a
CANCEL_ALONE_WORDS = words(
    "atencao urgente pessoal gente galera por favor pode podem vamos agora ja tudo isso"
)
#: forms that are news rather than an order unless they begin the clause
CANCEL_PRESENT = words("cancela anula aborta desconsidera ignora retira tira")
#: forms that a condition in the clause makes a plan
CANCEL_CONDITIONAL = words(
    "cancelar anular abortar desconsiderar ignorar retirar tirar cancelamento cancelamentos cancel"
)
_CANCEL_VERBS = words(
    """
    cancelar cancela cancele cancelem anular anula anule anulem abortar aborta aborte abortem
    cancelamento cancelamentos cancel
    """
)
_IGNORE = words("ignorar ignora ignore ignorem")
_WITHDRAW = words("retirar retira retire retirem tirar tira tire tirem")
_WITHDRAWN = _participles("retirado")

#: what English and Spanish messages cancel (13.6)
_FOREIGN_NOUNS = _nouns("order signal setup trade entry limit senal orden") | words(
    "ordenes operacion operaciones"
)

#: what counts within reach of its noun; a ticker serves as the noun of a cancelling verb
CANCEL_RULES = (
    Rule("cancel.verb", _CANCEL_VERBS, CANCEL_NOUNS),
    Rule("cancel.disregard", words("desconsiderar desconsidera desconsidere desconsiderem")),
    Rule("cancel.ignore", _IGNORE, _nouns("sinal operacao ordem entrada mensagem")),
    Rule("cancel.withdraw", _WITHDRAW, _nouns("ordem")),
    Rule("cancel.withdrawn", _nouns("ordem"), _WITHDRAWN),
    Rule("cancel.no_effect", words("sem"), words("efeito"), adjacent=True),
    # 13.6
    Rule("cancel.verb", words("delete void remove skip"), _FOREIGN_NOUNS, close=True, then_ticker=True),
    Rule("cancel.ignore", words("ignore ignora ignoren"), _FOREIGN_NOUNS, close=True, then_ticker=True),
    Rule("cancel.no_effect", words("setup setups"), words("invalid"), adjacent=True),
)
#: behind one of these in its clause a cancelling verb needs no noun
CANCEL_NOT_FILLED = (
    ("nao", "deu", "entrada"),
    ("nao", "pegou", "entrada"),
    ("nao", "acionou"),
    ("nao", "executou"),
)
#: between `não` and a phrase that it suppresses
CANCEL_NEGATION_LINKS = words(
    """
    ainda para foi foram e sao esta estao sera serao ser vai vamos vou precisa precisam pode podem
    deve devem
    """
)
#: directly before a participle: it has not happened
CANCEL_FUTURE = words("sera serao seria seriam for forem seja sejam")
CANCEL_FUTURE_AUXILIARIES = words("vai vao pode podem")

# ---- result (9.3, 13.6) ------------------------------------------------------------------------

_REACHED = words(
    """
    atingiu atingimos bateu batemos alcancou alcancamos chegou chegamos pegou pegamos buscou buscamos
    """
)
_REACHED_ABROAD = words("hit reached toco alcanzo")
_TARGET_PARTICIPLES = _participles("atingido batido alcancado conquistado realizado")
_TARGET_PARTICIPLES_ABROAD = words("hit reached done smashed achieved") | _participles(
    "alcanzado tocado cumplido"
)
_STOP_PARTICIPLES = _participles("acionado atingido batido executado") | words("hit")
_STOPPED = _participles("stopado") | words("stopou stopamos")
_CLOSED = _participles("encerrado finalizado zerado fechado concluido")
_CLOSED_ABROAD = words("closed") | _participles("cerrado")
_TAKEN = _participles("realizado feito executado")
_WE_CLOSED = words("encerramos fechamos zeramos saimos realizamos")
_TARGETS_ABROAD = _TARGETS | _nouns("meta")

RESULT_RULES = (
    Rule("result.target_hit", _TARGETS, _TARGET_PARTICIPLES),
    Rule("result.level_reached", _REACHED, _TARGETS | _nouns("stop"), verb=True),
    Rule("result.stop_hit", _nouns("stop"), _STOP_PARTICIPLES),
    Rule("result.stopped", _STOPPED),
    Rule("result.closed", _nouns("operacao posicao trade"), _CLOSED),
    Rule("result.partial_taken", _nouns("parcial"), _TAKEN),
    Rule("result.we_closed", _WE_CLOSED, ticker=True),
    Rule("result.gain_taken", _nouns("lucro gain"), _participles("realizado")),
    Rule("result.at_zero", words("saiu saimos"), words("no"), verb=True, following=("zero", "a", "zero")),
    Rule("result.at_zero", words("saiu saimos"), words("no"), verb=True, following=("0x0",)),
    Rule("result.target_hit", _TARGETS_ABROAD, _TARGET_PARTICIPLES_ABROAD),
    Rule("result.level_reached", _REACHED_ABROAD, _TARGETS_ABROAD | _STOPS, verb=True),
    Rule("result.stopped", words("stopped"), words("out"), adjacent=True),
    Rule("result.stop_hit", _nouns("sl"), words("hit")),
    Rule("result.stop_hit", _STOPS, _participles("tocado")),
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
_CHANGED = _participles("ajustado movido alterado atualizado prorrogado mantido")
_FILLED = _participles("executado acionado ativado")
_FILLS = words("executou acionou")
_NEW = words("novo novos")
_MOVE_ABROAD = words("move set put bring trail tighten shift mover mueve muevan subir bajar")
_CLOSE_ABROAD = words("close take secure book")
_CLOSE_SPANISH = words("cerrar cierra cierren")

UPDATE_RULES = (
    Rule("update.stop_moved", _MOVE, _STOPS, verb=True),
    Rule("update.stop_moved", _MOVE_CLOSE, _STOPS, verb=True, close=True),
    Rule("update.adjust", _ADJUST, _STOPS | _nouns("alvo entrada ordem"), verb=True),
    Rule("update.changed", _nouns("stop alvo entrada ordem"), _CHANGED),
    Rule("update.new_stop", _NEW, _nouns("stop"), adjacent=True),
    Rule("update.new_target", _NEW, _nouns("alvo"), adjacent=True),
    Rule("update.new_entry", _NEW, words("preco precos"), adjacent=True, following=("de", "entrada")),
    Rule("update.close", _CLOSE, _nouns("posicao operacao"), verb=True),
    Rule(
        "update.close",
        _CLOSE_CLOSE,
        _nouns("posicao operacao") | words("tudo metade"),
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
    Rule("update.take_partial", _TAKE, _nouns("parcial metade"), verb=True),
    Rule(
        "update.take_partial",
        _TAKE_CLOSE,
        _nouns("parcial metade"),
        verb=True,
        close=True,
        then_percent=True,
    ),
    Rule("update.take_partial", words("parcial"), words("em de"), adjacent=True, following=(TICKER,)),
    Rule("update.reduce", _REDUCE, _nouns("posicao") | words("mao maos"), verb=True),
    Rule("update.filled", _ORDER_NOUNS, _FILLED),
    Rule("update.filled", _ORDER_NOUNS, _FILLS, verb=True),
    Rule("update.filled", _FILLS, _ORDER_NOUNS, verb=True),
    # 13.6
    Rule("update.stop_moved", _MOVE_ABROAD, _STOPS, verb=True, close=True),
    Rule("update.new_stop", words("new"), words("sl"), adjacent=True),
    Rule("update.new_stop", words("nuevo nuevos"), _nouns("stop"), adjacent=True),
    Rule("update.new_target", words("new"), _nouns("tp"), adjacent=True),
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

#: without one of these in a message there is no phrase of 9.3 or 9.4 in it
PHRASE_TRIGGERS = (
    frozenset(word for rule in (*RESULT_RULES, *UPDATE_RULES) for word in rule.first)
    - _ORDER_NOUNS
    - _STOPS
    - _TARGETS_ABROAD
    - _nouns("operacao posicao trade lucro gain")
    | _CHANGED
    | _FILLED
    | _FILLS
    | _CLOSED
    | _TAKEN
    | _TARGET_PARTICIPLES
    | _TARGET_PARTICIPLES_ABROAD
    | _STOP_PARTICIPLES
    | STOP_PREPOSITIONS
    | STOP_PREPOSITIONS_ABROAD
    | words("saida saidas")
)

# ---- what an event says (14.1) -----------------------------------------------------------------

#: forms of zerar, encerrar, fechar, sair: all of it is closed, unless a part is named
CLOSING_FORMS = (
    _CLOSE
    | _CLOSE_CLOSE
    | _participles("encerrado zerado fechado")
    | _CLOSED_ABROAD
    | words("encerramos fechamos zeramos saimos saiu saida saidas close")
    | _CLOSE_SPANISH
)
#: words for a part, and the part
PARTS = {"metade": "0.5", "half": "0.5", "mitad": "0.5"}
#: a part that has no figure
SOME_PARTS = _nouns("parcial") | words("partial partials some")

CORRECTIONS = _nouns("atualizacao correcao errata")

# ---- weak results and event words (9.5, 9.6) ---------------------------------------------------

RESULT_NOUNS = _nouns("resultado lucro prejuizo")
WEAK_NOUNS = RESULT_NOUNS | _nouns("parcial")
OUTCOMES = words("gain loss lucro prejuizo")
#: beside a percentage in its clause these make it an expectation
EXPECTING = words(
    """
    potencial estimado estimada estimados estimadas esperado esperada esperados esperadas projecao
    projecoes risco riscos retorno retornos upside possivel possiveis pode
    """
)

EVENT_PREFIXES = (
    *("cancel", "anul", "abort", "desconsider", "descart", "invalid", "suspen", "excluid"),
    *("removid", "perdid", "reenvi", "reforc", "relembr", "repost"),
)
#: words that 9.3 and 9.4 list and that are said of too much else
_TOO_COMMON = words(
    """
    subir sobe sobem subindo puxa puxar baixar levar trazer fazer faca facam fecha encerra zera realiza
    saiu move raise
    """
) | _participles("feito")
EVENT_WORDS = (
    (
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
    - _TOO_COMMON
) | (_IGNORE | _WITHDRAW | _WITHDRAWN | CORRECTIONS)
#: + stop, without a price: an instruction to use one, no event (9.6)
STOP_ADVICE = (
    ("respeite",),
    ("respeitem",),
    ("use",),
    ("usem",),
    ("coloque",),
    ("coloquem",),
    ("nao", "esqueca"),
    ("nao", "esquecam"),
    ("sempre", "com"),
)
#: beside a percentage these measure a risk, and so does lucro beside one of them on its line (9.6)
RISK_WORDS = words("risco riscos retorno retornos perda perdas")

_AR_ENDINGS = """
    ar o a as amos am e es emos em ei ou aste aram ava avam ando ado ada ados adas arei ara aremos
    arao aria ariam asse assem armos arem
"""
_ER_ENDINGS = """
    er o e es emos em a as amos am i eu este eram ia iam endo ido ida idos idas erei era eremos erao
    eria eriam esse essem ermos erem
"""
#: forms of comprar, entrar, operar, executar, vender, buy, sell, enter
NEGATABLE_VERBS = (
    frozenset(map("".join, product(("compr", "entr", "oper", "execut"), _AR_ENDINGS.split())))
    | frozenset(map("".join, product(("vend",), _ER_ENDINGS.split())))
    | words("buy buys buying bought sell sells selling sold enter enters entering entered")
)
