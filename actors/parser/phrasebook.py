"""The words of the catalogue's phrases (sections 8 and 9), as data.

Words stand as they are compared: lower case, no accents, with their feminine and plural forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from .lexicon import words

__all__ = [
    "CANCEL_ALONE_WORDS",
    "CANCEL_CONDITIONAL",
    "CANCEL_FUTURE",
    "CANCEL_FUTURE_AUXILIARIES",
    "CANCEL_NEGATION_LINKS",
    "CANCEL_NOUNS",
    "CANCEL_PARTICIPLES",
    "CANCEL_PRESENT",
    "CANCEL_RULES",
    "CORRECTIONS",
    "EVENT_PREFIXES",
    "EVENT_WORDS",
    "NEGATABLE_VERBS",
    "ORDERS",
    "OUTCOMES",
    "PAST_RESULTS",
    "PHRASE_TRIGGERS",
    "RESULT_NOUNS",
    "RESULT_RULES",
    "STOP_PLACES",
    "STOP_PREPOSITIONS",
    "UPDATE_RULES",
    "WEAK_NOUNS",
    "Rule",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """One phrase: a word of ``first``, and one of ``then`` after it within reach (9.1).

    Without ``then`` the first word is the phrase. ``verb`` tells a verb with its noun, which no
    price may part. ``ticker`` asks for a ticker in the message. ``following`` are words that must
    stand right behind the last one.
    """

    reason: str
    first: frozenset[str]
    then: frozenset[str] | None = None
    verb: bool = False
    ticker: bool = False
    adjacent: bool = False
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


_TARGETS = _nouns("alvo tp target objetivo")
_STOPS = _nouns("stop sl")
_ORDER_NOUNS = _nouns("compra venda entrada ordem")

# ---- cancel (9.2) ------------------------------------------------------------------------------

CANCEL_NOUNS = _nouns("operacao ordem sinal entrada compra venda trade order signal")
#: with a noun in the clause, or a ticker in the message
CANCEL_PARTICIPLES = _participles("cancelado anulado abortado") | words("cancelamos cancelled")
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

#: what counts within reach of its noun; a ticker serves as the noun of a cancelling verb
CANCEL_RULES = (
    Rule("cancel.verb", _CANCEL_VERBS, CANCEL_NOUNS),
    Rule("cancel.disregard", words("desconsiderar desconsidera desconsidere desconsiderem")),
    Rule("cancel.ignore", _IGNORE, _nouns("sinal operacao ordem entrada mensagem")),
    Rule("cancel.withdraw", _WITHDRAW, _nouns("ordem")),
    Rule("cancel.withdrawn", _nouns("ordem"), _WITHDRAWN),
    Rule("cancel.no_effect", words("sem"), words("efeito"), adjacent=True),
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

# ---- result (9.3) ------------------------------------------------------------------------------

_REACHED = words(
    """
    atingiu atingimos bateu batemos alcancou alcancamos chegou chegamos pegou pegamos buscou buscamos
    """
)
_TARGET_PARTICIPLES = _participles("atingido batido alcancado conquistado realizado") | words("hit reached")
_STOP_PARTICIPLES = _participles("acionado atingido batido executado") | words("hit")
_STOPPED = _participles("stopado") | words("stopou stopamos")
_CLOSED = _participles("encerrado finalizado zerado fechado concluido")
_TAKEN = _participles("realizado feito executado")
_WE_CLOSED = words("encerramos fechamos zeramos saimos realizamos")

RESULT_RULES = (
    Rule("result.target_hit", _TARGETS, _TARGET_PARTICIPLES),
    Rule("result.level_reached", _REACHED, _TARGETS | _STOPS - _nouns("sl"), verb=True),
    Rule("result.stop_hit", _nouns("stop"), _STOP_PARTICIPLES),
    Rule("result.stopped", _STOPPED),
    Rule("result.closed", _nouns("operacao posicao trade"), _CLOSED),
    Rule("result.partial_taken", _nouns("parcial"), _TAKEN),
    Rule("result.we_closed", _WE_CLOSED, ticker=True),
    Rule("result.gain_taken", _nouns("lucro gain"), _participles("realizado")),
)
#: `no alvo` behind one of these is where the price went, not a condition (9.1)
PAST_RESULTS = _REACHED | _TARGET_PARTICIPLES | _STOP_PARTICIPLES | _STOPPED | _CLOSED | _TAKEN | _WE_CLOSED

# ---- update (9.4) ------------------------------------------------------------------------------

_MOVE = words("subir suba subam subimos baixar baixe baixem mover mova movam movemos levar trazer move raise")
_ADJUST = words("ajustar ajuste ajustem alterar altere alterem alteramos")
_CLOSE = words("zerar zerem encerrar encerrem fechar fechem")
_LEAVE = words("sair saiam")
_TAKE = words("realizar realizem fazer")
_REDUCE = words("reduzir reduzam")
_CHANGED = _participles("ajustado movido alterado atualizado prorrogado mantido")
_FILLED = _participles("executado acionado ativado")
_FILLS = words("executou acionou")
_NEW = words("novo novos")

UPDATE_RULES = (
    Rule("update.stop_moved", _MOVE, _STOPS, verb=True),
    Rule("update.adjust", _ADJUST, _STOPS | _nouns("alvo entrada ordem"), verb=True),
    Rule("update.changed", _nouns("stop alvo entrada ordem"), _CHANGED),
    Rule("update.new_stop", _NEW, _nouns("stop"), adjacent=True),
    Rule("update.new_target", _NEW, _nouns("alvo"), adjacent=True),
    Rule("update.new_entry", _NEW, words("preco precos"), adjacent=True, following=("de", "entrada")),
    Rule("update.close", _CLOSE, _nouns("posicao operacao"), verb=True),
    Rule("update.leave", _LEAVE, words("a"), verb=True, following=("mercado",)),
    Rule("update.leave", _LEAVE, words("da"), verb=True, following=("operacao",)),
    Rule("update.leave", _LEAVE, words("da"), verb=True, following=("posicao",)),
    Rule("update.leave", _LEAVE, words("das"), verb=True, following=("operacoes",)),
    Rule("update.leave", _LEAVE, words("das"), verb=True, following=("posicoes",)),
    Rule("update.take_partial", _TAKE, _nouns("parcial metade"), verb=True),
    Rule("update.reduce", _REDUCE, _nouns("posicao") | words("mao maos"), verb=True),
    Rule("update.filled", _ORDER_NOUNS, _FILLED),
    Rule("update.filled", _ORDER_NOUNS, _FILLS, verb=True),
    Rule("update.filled", _FILLS, _ORDER_NOUNS, verb=True),
)
#: stop + one of these, then (o, a, preço de between) one of the places
STOP_PREPOSITIONS = words("no na em para")
STOP_PLACES = (("zero", "a", "zero"), ("0x0",), ("breakeven",), ("entrada",))

#: infinitives and imperatives of 9.4: risk management where 9.1 calls them conditional
ORDERS = (_MOVE | _ADJUST | _CLOSE | _LEAVE | _TAKE | _REDUCE) - words("subimos movemos alteramos")

#: without one of these in a message there is no phrase of 9.3 or 9.4 in it
PHRASE_TRIGGERS = (
    PAST_RESULTS
    | _MOVE
    | _ADJUST
    | _CLOSE
    | _LEAVE
    | _TAKE
    | _REDUCE
    | _CHANGED
    | _FILLED
    | _FILLS
    | _NEW
    | STOP_PREPOSITIONS
)
CORRECTIONS = _nouns("atualizacao correcao errata")

# ---- weak results and event words (9.5, 9.6) ---------------------------------------------------

RESULT_NOUNS = _nouns("resultado lucro prejuizo")
WEAK_NOUNS = RESULT_NOUNS | _nouns("parcial")
OUTCOMES = words("gain loss lucro prejuizo")

EVENT_PREFIXES = (
    *("cancel", "anul", "abort", "desconsider", "descart", "invalid", "suspen", "excluid"),
    *("removid", "perdid", "reenvi", "reforc", "relembr", "repost"),
)
EVENT_WORDS = (
    (PAST_RESULTS | _MOVE | _ADJUST | _CLOSE | _LEAVE | _TAKE | _REDUCE | _CHANGED | _FILLED | _FILLS)
    - words("subir baixar levar trazer fazer move raise")
    - _participles("feito")
) | (_IGNORE | _WITHDRAW | _WITHDRAWN | CORRECTIONS)

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
