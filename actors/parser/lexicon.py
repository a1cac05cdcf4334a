"""The catalogue's word lists, as data: labels, what may stand around them, fields.

Words stand here as they are compared: lower case, no accents (catalogue, section 2.6). The words
of phrases are in :mod:`.phrasebook`.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ASIDE_UNITS",
    "CONDITION_WORDS",
    "DENIALS",
    "ENTRY_FIELDS",
    "FILLERS",
    "FINAL_WORDS",
    "FURTHER_SIGNS",
    "FURTHER_WORDS",
    "INDEXED_WORDS",
    "LABELS",
    "LIST_SIGNS",
    "NEGATIONS",
    "NOT_ORDINARY",
    "ONE_UNIT_WORDS",
    "ORDINALS",
    "PLURAL_TARGETS",
    "QUANTITY_WORDS",
    "RANGE_SIGNS",
    "RANGE_WORDS",
    "SIDE_NOUNS",
    "TYPES",
    "UNDERLYING_WORDS",
    "UNIT_WORDS",
    "VALIDITY_BETWEEN",
    "VALIDITY_LEADS",
    "VALIDITY_LINE_WORDS",
    "Field",
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


# ---- labels (section 3) ------------------------------------------------------------------------

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
    Field.STOP: ("stop", "stop loss", "sl", "loss"),
}


def _by_first_word() -> dict[str, tuple[tuple[tuple[str, ...], str], ...]]:
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for field, labels in _LABELS.items():
        for label in labels:
            first, *rest = label.split()
            found.setdefault(first, []).append((tuple(rest), field))
    return {first: tuple(sorted(ends, key=lambda end: -len(end[0]))) for first, ends in found.items()}


#: first word -> (the words after it, field), the longest label first
LABELS = _by_first_word()
PLURAL_TARGETS = words("alvos objetivos targets")
#: words to which a target's index may be glued
INDEXED_WORDS = words("alvo alvos objetivo objetivos tp target targets take profit gain")
#: after an asset label: it names the underlying
UNDERLYING_WORDS = words("objeto base subjacente")
FINAL_WORDS = words("final geral ultimo")
ORDINALS = {
    **{word: n for n, word in enumerate(("primeiro", "segundo", "terceiro", "quarto", "quinto"), start=1)},
    **{f"{n}o": n for n in range(1, 21)},
}

#: what may stand between a label and its price
FILLERS = words(
    """
    a o as os ao de da do das dos em na no nas nos por pelo entre min minimo max maximo regiao faixa
    zona preco valor ponto nivel limite acima abaixo partir ate superar rompendo rompimento perdendo
    perda proximo perto cerca aprox aproximadamente tecnico inicial curto medio longo principal unico
    parcial put call opcao opcoes acao acoes lote lotes contrato contratos at in of on above below
    near around zone price from between limit
    """
)
#: after a number: ignored
ASIDE_UNITS = words("reais pts pontos")
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
DENIALS = words("nao nem sem not")
CONDITION_WORDS = words("se caso quando apos depois enquanto sera serao if when after once")

# ---- entry and targets (section 6) -------------------------------------------------------------

RANGE_WORDS = words("a ate to and e")
RANGE_SIGNS = frozenset("-/~")
#: a further price behind these is a doubtful second value (section 3)
FURTHER_WORDS = words("a ate to and e ou")
FURTHER_SIGNS = frozenset(",;|/-~")
LIST_SIGNS = frozenset("/|;-,")
#: an integer after a target label and before one of these is a price, before other words an index
NOT_ORDINARY = words("e a ate mil") | ASIDE_UNITS

# ---- side, type, validity (section 6) ----------------------------------------------------------

SIDE_NOUNS = words("sinal operacao tipo lado direcao ordem side action")

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
