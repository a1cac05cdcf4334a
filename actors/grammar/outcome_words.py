"""The words of weak results and event words (catalogue, sections 9.5 and 9.6), as data."""

from __future__ import annotations

from itertools import product

from .cancel_words import IGNORE, WITHDRAW, WITHDRAWN
from .lexicon import words
from .phrasebook import CORRECTIONS, LISTED_WORDS
from .rules import nouns, participles

__all__ = [
    "EVENT_PREFIXES",
    "EVENT_WORDS",
    "EXPECTING",
    "NEGATABLE_VERBS",
    "OUTCOMES",
    "RESULT_NOUNS",
    "RISK_WORDS",
    "STOP_ADVICE",
    "WEAK_NOUNS",
]

RESULT_NOUNS = nouns("resultado lucro prejuizo")
WEAK_NOUNS = RESULT_NOUNS | nouns("parcial")
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
) | participles("feito")
EVENT_WORDS = (LISTED_WORDS - _TOO_COMMON) | IGNORE | WITHDRAW | WITHDRAWN | CORRECTIONS
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
