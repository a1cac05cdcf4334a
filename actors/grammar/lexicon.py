"""The catalogue's word lists, as data: labels, what may stand around them, fields.

Words stand here as they are compared: lower case, no accents (catalogue, section 2.6). The words
of phrases are in :mod:`.phrasebook`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = [
    "ASIDE_UNITS",
    "CONDITION_WORDS",
    "DENIALS",
    "ENTRY_FIELDS",
    "EXTREMES",
    "FILLERS",
    "FILLERS_OF",
    "FINAL_WORDS",
    "FURTHER_SIGNS",
    "FURTHER_WORDS",
    "INDEXED_WORDS",
    "LABELS",
    "LIST_SIGNS",
    "NEGATIONS",
    "NOT_ORDINARY",
    "ONE_UNIT_WORDS",
    "OPEN_WORDS",
    "ORDINALS",
    "ORDINALS_BEHIND",
    "OTHER_FIGURES",
    "PIPS",
    "PLACED_WORDS",
    "PLURAL_TARGETS",
    "POINTS",
    "QUANTITY_WORDS",
    "RANGE_SIGNS",
    "RANGE_WORDS",
    "ROMANS",
    "SIDE_NOUNS",
    "STANDING_WORDS",
    "TRIGGERS",
    "TYPES",
    "UNDERLYING_WORDS",
    "UNIT_WORDS",
    "VALIDITY_BETWEEN",
    "VALIDITY_LEADS",
    "VALIDITY_LINE_WORDS",
    "VOCABULARY_ABROAD",
    "VOCABULARY_OF_B3",
    "Field",
    "Labels",
    "Need",
    "Vocabulary",
    "words",
]


class Field:
    """What a label announces. Plain constants, for the reason given at TokenKind."""

    ASSET: Final = "asset"
    BUY: Final = "buy"
    SELL: Final = "sell"
    ENTRY: Final = "entry"
    TARGET: Final = "target"
    STOP: Final = "stop"


ENTRY_FIELDS = frozenset((Field.BUY, Field.SELL, Field.ENTRY))


def words(text: str) -> frozenset[str]:
    """Write a set of words as one string."""
    return frozenset(text.split())


# ---- labels (section 3, and 13.2 outside B3) ---------------------------------------------------


class Need:
    """What must follow a word for it to be a label. Plain constants, as above."""

    NOTHING: Final = ""
    #: `:` or `=`
    COLON: Final = "colon"
    #: a number 1-9, then `:` or `=` or a price; or `:` or `=` at once, for parcial only
    NUMBER: Final = "number"


_LABELS: dict[str, tuple[str, ...]] = {
    Field.ASSET: (
        *("ativo", "papel", "ticker", "acao", "opcao", "codigo", "contrato", "asset", "symbol"),
        *("opcao de compra", "opcao de venda"),
    ),
    Field.BUY: ("compra", "comprar", "compre", "buy", "long", "buy limit", "buy stop"),
    Field.SELL: (
        *("venda", "vender", "venda a descoberto"),
        *("sell", "short", "sell limit", "sell stop"),
    ),
    Field.ENTRY: ("entrada", "entrar", "entry"),
    Field.TARGET: (
        *("alvo", "alvos", "objetivo", "objetivos", "tp", "target", "targets"),
        *("take profit", "take", "gain", "stop gain"),
    ),
    Field.STOP: ("stop", "stop loss", "stoploss", "sl", "loss"),
}
#: labels only before `:` or `=`
_COLON_LABELS: dict[str, tuple[str, ...]] = {
    Field.ENTRY: ("gatilho", "disparo"),
    Field.STOP: ("protecao",),
}
#: targets only with a number; parcial also before `:` or `=`
_NUMBERED_LABELS: tuple[str, ...] = ("parcial", "saida", "lucro", "tg", "t")
_LABELS_ABROAD: dict[str, tuple[str, ...]] = {
    Field.ASSET: (
        *("pair", "par", "moeda", "coin", "moneda", "simbolo", "instrument", "instrumento", "activo"),
    ),
    Field.SELL: ("venta", "vende"),
    Field.TARGET: ("meta", "metas", "toma de ganancias"),
    Field.STOP: ("stop de perdidas",),
}

#: first word -> (the words after it, field, what must follow), the longest label first
Labels = dict[str, tuple[tuple[tuple[str, ...], str, str], ...]]


def _by_first_word(*lists: tuple[dict[str, tuple[str, ...]], str]) -> Labels:
    found: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
    for labels_of, need in lists:
        for field, labels in labels_of.items():
            for label in labels:
                first, *rest = label.split()
                found.setdefault(first, []).append((tuple(rest), field, need))
    return {first: tuple(sorted(ends, key=lambda end: -len(end[0]))) for first, ends in found.items()}


_NUMBERED = {Field.TARGET: _NUMBERED_LABELS}
LABELS = _by_first_word((_LABELS, Need.NOTHING), (_COLON_LABELS, Need.COLON), (_NUMBERED, Need.NUMBER))
_LABELS_OF_ALL = _by_first_word(
    (_LABELS, Need.NOTHING),
    (_LABELS_ABROAD, Need.NOTHING),
    (_COLON_LABELS, Need.COLON),
    (_NUMBERED, Need.NUMBER),
)
#: entry labels that count only where no other has a price
TRIGGERS = words("gatilho disparo")
PLURAL_TARGETS = words("alvos objetivos targets metas")
#: words to which a target's index may be glued
INDEXED_WORDS = words(
    """
    alvo alvos objetivo objetivos tp target targets take profit gain meta metas parcial saida lucro tg t
    """
)
#: after an asset label: it names the underlying
UNDERLYING_WORDS = words("objeto base subjacente")
FINAL_WORDS = words("final geral ultimo")
_ORDINAL_WORDS = {
    word: n for n, word in enumerate(("primeiro", "segundo", "terceiro", "quarto", "quinto"), start=1)
}
ORDINALS = {**_ORDINAL_WORDS, **{f"{n}o": n for n in range(1, 21)}}
_ORDINALS_ABROAD = {**ORDINALS, "primer": 1, "tercer": 3}
#: behind a singular target label
ORDINALS_BEHIND = {f"{n}{end}": n for n in range(1, 21) for end in "oa"}
ROMANS = {word: n for n, word in enumerate(("i", "ii", "iii", "iv", "v"), start=1)}

#: what may stand between a label and its price
FILLERS = words(
    """
    a o as os ao aos de da do das dos em na no nas nos por pelo entre min minimo max maximo regiao faixa
    zona preco valor ponto nivel limite acima abaixo partir ate superar rompendo rompimento perdendo
    perda proximo perto cerca aprox aproximadamente tecnico inicial curto medio longo principal unico
    parcial sugerido sugerida protetor ideal disparo gatilho fechamento put call opcao opcoes acao acoes
    lote lotes contrato contratos at in of on above below near around zone price from between limit
    """
)
_FILLERS_ABROAD = FILLERS | words(
    """
    now market cmp area range set the ahora agora ya precio el la los las del al en y desde hasta cerca
    """
)
#: the same after labels of one kind only
FILLERS_OF = {
    **dict.fromkeys(ENTRY_FIELDS, words("mercado")),
    Field.STOP: words("loss protecao"),
    Field.TARGET: words("lucro ganho"),
    Field.ASSET: words(""),
}
#: these stand there before `marcado` and its like, or before `em` or `a`
STANDING_WORDS = words("fica ficaria ficara esta estaria sera")
PLACED_WORDS = words(
    """
    marcado marcada marcados marcadas posicionado posicionada posicionados posicionadas colocado
    colocada colocados colocadas
    """
)
#: these only before `em` and a price
EXTREMES = words("minima maxima")
#: a label or a list does not lead over the names of other figures
OTHER_FIGURES = words(
    """
    strike exercicio vencimento atual cotacao ultimo quantidade risco retorno suporte resistencia minima
    maxima media ifr volume
    """
)
#: outside B3 instead of a price: the target is left open (13.5)
OPEN_WORDS = words("open aberto abierto runner hold")
#: after a number: ignored
ASIDE_UNITS = words("reais pts pontos tick ticks pip pips")
#: a number beside one of these may be a distance (5.4)
POINTS = words("pts pontos")
PIPS = words("tick ticks pip pips")
#: after a number: it is no price (section 5.3)
UNIT_WORDS = words(
    "minutos horas dias pregoes semanas meses anos vezes periodos milhoes bilhoes milhao bilhao"
)
#: the same after a one (`Compra: 22,40 dia 14/11` is a price)
ONE_UNIT_WORDS = words("minuto hora dia pregao semana mes ano vez periodo")
#: after an integer: it is a quantity (section 5.3)
QUANTITY_WORDS = words("acoes opcoes lote lotes contrato contratos")

# ---- negation and condition (sections 3 and 9.1) -----------------------------------------------

#: before a label: it counts only with its colon
NEGATIONS = words("nao nem nunca not")
#: before or inside a phrase of 9.3 or 9.4: it does not count
DENIALS = words(
    """
    nao nem sem nunca jamais ninguem nenhum nenhuma not never nobody cannot didn didnt doesn doesnt don dont
    hasn hasnt haven havent isn wasn
    """
)
CONDITION_WORDS = words("se caso quando apos depois enquanto sera serao if when after once")
_CONDITIONS_ABROAD = CONDITION_WORDS | words("si cuando")

# ---- entry and targets (section 6) -------------------------------------------------------------

RANGE_WORDS = words("a ate to and e")
_RANGE_WORDS_ABROAD = RANGE_WORDS | words("y hasta")
RANGE_SIGNS = frozenset("-/~")
#: a further price behind these is a doubtful second value (section 3)
FURTHER_WORDS = words("a ate to and e ou")
FURTHER_SIGNS = frozenset(",;|/-~>")
LIST_SIGNS = frozenset("/|;-,&")
_LIST_WORDS = words("e")
_LIST_WORDS_ABROAD = words("e y and")
#: an integer after a target label and before one of these is a price, before other words an index
NOT_ORDINARY = words("e a ate mil") | ASIDE_UNITS

# ---- side, type, validity (section 6) ----------------------------------------------------------

SIDE_NOUNS = words(
    """
    sinal operacao tipo lado direcao direction ordem side action posicao recomendacao recomendado
    recomendada vies veredito ponta type recomenda recomendamos senal
    """
)

#: (words in a row, the type's name); signs between the words do not matter, nor does gluing
TYPES: tuple[tuple[str, str], ...] = (
    ("swing", "Swing Trade"),
    ("swingtrade", "Swing Trade"),
    ("day trade", "Day Trade"),
    ("daytrade", "Day Trade"),
    ("position", "Position"),
    ("positiontrade", "Position"),
    ("scalp", "Scalping"),
    ("scalping", "Scalping"),
    ("buy & hold", "Buy & Hold"),
    ("buy and hold", "Buy & Hold"),
    ("buyandhold", "Buy & Hold"),
    ("b & h", "Buy & Hold"),
)

VALIDITY_LINE_WORDS = words("valido validos valida validas validade ordem ordens book expira")
VALIDITY_LEADS = words("ate validade")
VALIDITY_BETWEEN = words(
    "o dia fechamento pregao de do segunda terca quarta quinta sexta sabado domingo feira"
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The word lists that depend on what a channel trades in (13.2)."""

    labels: Labels
    fillers: frozenset[str]
    conditions: frozenset[str]
    ordinals: Mapping[str, int]
    range_words: frozenset[str]
    list_words: frozenset[str]
    #: first words of labels, and ordinals that may stand for one
    label_beginnings: frozenset[str]


VOCABULARY_OF_B3 = Vocabulary(
    LABELS,
    FILLERS,
    CONDITION_WORDS,
    ORDINALS,
    RANGE_WORDS,
    _LIST_WORDS,
    label_beginnings=frozenset((*LABELS, *ORDINALS)),
)
VOCABULARY_ABROAD = Vocabulary(
    _LABELS_OF_ALL,
    _FILLERS_ABROAD,
    _CONDITIONS_ABROAD,
    _ORDINALS_ABROAD,
    _RANGE_WORDS_ABROAD,
    _LIST_WORDS_ABROAD,
    label_beginnings=frozenset((*_LABELS_OF_ALL, *_ORDINALS_ABROAD)),
)
