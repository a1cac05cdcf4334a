"""Signals written in the ways of the catalogue's second edition, with the values that were meant.

Everything is drawn from one ``random.Random``, so that a number names a message for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from engine.model import Market, Side

__all__ = ["Spelling", "spell"]


@dataclass(frozen=True, slots=True)
class Spelling:
    """A message and what its writer meant. ``entry`` is empty where only a distance or market is given."""

    text: str
    market: Market
    side: Side
    asset: str
    entry: tuple[Decimal, ...]
    targets: tuple[Decimal, ...]
    final: Decimal | None
    stop: Decimal | None


_ASSETS = {
    Market.B3: (
        *(("PETR4", "PETR4"), ("taee11", "TAEE11"), ("#WEGE3", "WEGE3"), ("PETRL302", "PETRL302")),
        *(("B3SA3.SA", "B3SA3"), ("Mini dólar", "WDOFUT"), ("WDO", "WDOFUT"), ("WINZ25", "WINZ25")),
    ),
    Market.FOREX: (
        *(("EURUSD", "EURUSD"), ("GBP/JPY", "GBPJPY"), ("EURGBP.m", "EURGBP"), ("GOLD", "XAUUSD")),
        *(("US30", "US30"), ("USDMXN", "USDMXN"), ("XAGUSD", "XAGUSD")),
    ),
    Market.CRYPTO: (
        *(
            ("BTCUSDT", "BTCUSDT"),
            ("#SOL/USDT", "SOLUSDT"),
            ("ETH-USDT-PERP", "ETHUSDT"),
            ("ADA/BRL", "ADABRL"),
        ),
    ),
}
_ASSET_LABELS = ("Ativo: {}", "PAPEL {}", "Ticker = {}", "📊 Código: {}", "*Ativo:* {}", "Symbol: {}")
_BUYING = ("Compra", "COMPRAR", "Buy", "long", "Compre", "Buy limit")
_SELLING = ("Venda", "VENDER", "Sell", "short", "Sell limit")
_ENTRY_REMARKS = (
    "",
    "",
    " sugerida",
    " ideal",
    " a mercado",
    " (ordem limitada)",
    " na região de",
    " próximo de",
)
_STOPS = (
    *("Stop: {}", "STOP {}", "SL {}", "S.L.: {}", "Stop loss = {}", "stop protetor: {}", "Proteção: {}"),
    *("Stop curto {}", "O stop ficará marcado em {}", "Stop técnico em {}", "Stop: {} (curto)", "stop @ {}"),
    *("Stop: {} (-2,1%)", "Já o stop ficaria posicionado nos {}", "🛑 Stop -> {}", "Stop:\n{}"),
)
#: how a target with its number is written
_NUMBERED = (
    *("Alvo {n}: {p}", "ALVO{n} {p}", "TP{n}: {p}", "TP {n} {p}", "T.P {n}: {p}", "{n}º alvo: {p}"),
    *(
        "Alvo {n}. {p}",
        "Alvo {n} - {p}",
        "Alvo {n} [50%]: {p}",
        "Alvo {n} (metade): {p}",
        "Alvo {n}......{p}",
    ),
    *(
        "Alvo {n} 35% {p}",
        "Alvo {n} - metade: {p}",
        "Alvo {n}º: {p}",
        "Alvo {r}: {p}",
        "T{n}: {p}",
        "TG{n} {p}",
    ),
    *(
        "Saída {n}: {p}",
        "Lucro {n} {p}",
        "Parcial {n}: {p}",
        "Objetivo {n} = {p}",
        "Alvo {n}\ufe0f\u20e3 {p}",
    ),
    *(
        "{w} objetivo aos {p}",
        "Alvo {n} em {p}",
        "Alvo {n}: {p} (+3,2%)",
        "alvo {n} a {p}",
        "Alvo {n} ousado: {p}",
    ),
    *("{n}\ufe0f\u20e3 Alvo: {p}", "{n}. Objetivo {p}", "Alvo {n} conservador {p}", "take profit {n}: {p}"),
)
_WORDS = ("Primeiro", "Segundo", "Terceiro", "Quarto")
_ROMANS = ("I", "II", "III", "IV")
_ITEMS = (
    *(
        "{n}) {p}",
        "{n}. {p}",
        "{n}º {p}",
        "{p}",
        "{n}\ufe0f\u20e3 {p}",
        "{n}: {p}",
        "1 contrato: {p}",
        "50%: {p}",
    ),
    *("{n}\ufe0f\u20e3 Alvo {n}: {p}", "{n}\ufe0f\u20e3 {w}: {p}", "{n}) {p} (30%)", "{p} 40%", "- {p}"),
)
_HEADINGS = ("Alvos:", "ALVOS", "🎯 Alvos:", "Objetivos:", "Targets:")
_JOINS = (" / ", " - ", ", ", " | ", "; ", " e ")
_RANGES = (" a ", " até ", "-", " - ", " / ", " ~ ", "_", " e ", " to ")
_CHATTER = (
    *("", "", "", "Bom dia, pessoal!", "Gerenciamento de risco sempre.", "Risco 1,8% | Retorno +4,5%"),
    *(
        "Respeitem o stop!",
        "Não esqueçam o stop.",
        "Lote: 500",
        "Potencial de +6,3%",
        "Gráfico de 60 minutos",
    ),
)


def spell(number: int) -> Spelling:
    """Return message ``number``."""
    return _Writer(Random(number)).write()


class _Writer:
    """Draws the values of one message and the ways to write them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.market = random.choice([Market.B3, Market.B3, Market.FOREX, Market.CRYPTO])
        self.side = random.choice(list(Side))
        self.written_asset, self.asset = random.choice(_ASSETS[self.market])
        self._places = random.choice((1, 2, 2, 2, 4))
        self._mark = random.choice(",.") if self.market is Market.B3 else random.choice("..,")

    def write(self) -> Spelling:
        random = self._random
        count = random.randint(1, 4)
        steps = sorted(random.sample(range(1050, 2000), count + 3))
        levels = [Decimal(step).scaleb(-self._places) for step in steps]
        if self.side is Side.SELL:
            levels.reverse()
        stop, low, high, *targets = levels
        low, high = sorted((low, high))
        entry = (low, high) if random.random() < 0.5 else (low,)
        parts = [self._targets(targets), random.choice(_STOPS).format(self._price(stop))]
        random.shuffle(parts)
        head = [*self._opening(entry), *parts]
        chatter = random.choice(_CHATTER)
        lines = [chatter, *head] if random.random() < 0.5 else [*head, chatter]
        if all("\n" not in part for part in head) and random.random() < 0.15:
            lines = [random.choice((", ", " | ", " ", " - ")).join(head), chatter]
        return Spelling(
            "\n".join(line for line in lines if line),
            self.market,
            self.side,
            self.asset,
            entry,
            tuple(targets),
            targets[-1],
            stop,
        )

    def _price(self, value: Decimal) -> str:
        written = str(value).replace(".", self._mark)
        return self._random.choice(("", "", "", "R$ ", "$")) + written

    def _opening(self, entry: tuple[Decimal, ...]) -> list[str]:
        random = self._random
        label = random.choice(_BUYING if self.side is Side.BUY else _SELLING)
        price = random.choice(_RANGES).join(self._price(value) for value in entry)
        if "_" in price:
            price = price.replace("R$ ", "").replace("$", "")
        remark = random.choice(_ENTRY_REMARKS)
        colon = random.choice((": ", " ", " = ", " @ ", ":\n"))
        style = random.randrange(4)
        if style == 0:
            return [random.choice(_ASSET_LABELS).format(self.written_asset), f"{label}{remark}{colon}{price}"]
        if style == 1:
            return [f"{self.written_asset} {label}{remark}{colon}{price}"]
        if style == 2:
            return [self.written_asset, f"{label}{remark}{colon}{price}"]
        return [f"{label} {self.written_asset}{random.choice((' @ ', ' a ', ': ', ' em '))}{price}"]

    def _targets(self, targets: list[Decimal]) -> str:
        random = self._random
        if random.random() < 0.5:
            style = random.choice(_NUMBERED)
            rows = [self._fill(style, n, target) for n, target in enumerate(targets, 1)]
            return "\n".join(rows)
        if random.random() < 0.6:
            style = random.choice(_ITEMS)
            rows = [self._fill(style, n, target) for n, target in enumerate(targets, 1)]
            return "\n".join([random.choice(_HEADINGS), *rows])
        join = random.choice(_JOINS)
        first = random.randint(1, len(targets))
        line = random.choice(_HEADINGS) + " " + join.join(self._price(target) for target in targets[:first])
        return "\n".join([line, *(self._price(target) for target in targets[first:])])

    def _fill(self, style: str, n: int, target: Decimal) -> str:
        return style.format(n=n, p=self._price(target), w=_WORDS[n - 1], r=_ROMANS[n - 1])
