"""Events, tables, distances and odd figures with what their writer meant; a number names a message for good."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from engine.model import Side

__all__ = ["WrittenEvent", "WrittenRow", "WrittenSignals", "write_event", "write_signals"]

_TICKERS = ("PETR4", "VALE3", "BBAS3", "TAEE11", "PETRL302", "B3SA3")


@dataclass(slots=True)
class WrittenEvent:
    """A message about a trade. ``kind`` is what it reports; ``values`` are all that it says."""

    text: str
    asset: str
    kind: str
    values: dict[str, object] = field(default_factory=dict)


#: name of the part, kind, ways to write it; {p} is a price, {n} a target's number, {q} a percentage
_PARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "new_stop",
        "update",
        ("Subir o stop para {p}", "Stop movido para {p}", "Ajustem o stop para {p}", "Novo stop: {p}"),
    ),
    ("breakeven", "update", ("Stop no zero a zero", "Stop para a entrada", "Subam o stop para o breakeven")),
    ("part", "update", ("Realizar {q}% em {p}", "Realizem {q}% em {p}", "Fechar {q}% em {p}")),
    ("half", "update", ("Realizar metade", "Realizem metade")),
    ("target", "result", ("Alvo {n} atingido", "Bateu o alvo {n}", "Alvo {n} batido", "TP{n} hit")),
    ("stop_hit", "result", ("Stop acionado", "Stopamos", "Stop atingido", "Stop executado")),
    ("new_target", "update", ("Novo alvo: {p}", "Alvo alterado para {p}")),
    ("filled", "update", ("Ordem executada", "Entrada acionada")),
    (
        "cancel",
        "cancel",
        ("Ordem cancelada", "Cancelem a ordem", "Operação cancelada", "Cancelar a operação"),
    ),
    ("kept", "update", ("Stop e alvo mantidos", "Alvos mantidos")),
)
#: parts that contradict each other or say the same value
_RIVALS = (
    {"new_stop", "breakeven", "kept"},
    {"part", "half"},
    {"target", "stop_hit"},
    {"new_target", "kept"},
)
_JOINTS = (". ", "\n", ", ", " e ", "; ", "! ", " - ", " | ")
_CHATTER = ("", "", "Bom dia!", "Seguimos firmes", "Papel subindo bem hoje", "Gestão de risco sempre")


def write_event(number: int) -> WrittenEvent:
    """Return message ``number``."""
    random = Random(number)
    chosen: list[tuple[str, str, tuple[str, ...]]] = []
    for part in random.sample(_PARTS, random.randint(1, 3)):
        if not any({part[0], other[0]} <= rivals for other in chosen for rivals in _RIVALS):
            chosen.append(part)
    asset = random.choice(_TICKERS)
    kinds = {kind for _, kind, _ in chosen}
    event = WrittenEvent("", asset, next(kind for kind in ("cancel", "result", "update") if kind in kinds))
    said = [_say(random, name, random.choice(ways), event.values) for name, _, ways in chosen]
    text = said[0]
    for part_text in said[1:]:
        text += random.choice(_JOINTS) + part_text
    text = random.choice((f"{asset}: {text}", f"{asset}\n{text}", f"{text} em {asset}", f"{asset} - {text}"))
    event.text = "\n".join(line for line in (random.choice(_CHATTER), text) if line)
    return event


def _say(random: Random, name: str, way: str, values: dict[str, object]) -> str:
    price = Decimal(random.randint(1051, 9999)).scaleb(-2)
    number, percent = random.randint(1, 4), random.choice((20, 25, 30, 50, 70))
    if name == "new_target":
        values["new_targets"] = (price,)
    elif name == "new_stop":
        values["new_stop"] = price
    elif name == "part":
        values["fraction"], values["price"] = Decimal(percent) / 100, price
    elif name == "half":
        values["fraction"] = Decimal("0.5")
    elif name == "target":
        values["target"] = number
    elif name in {"breakeven", "stop_hit"}:
        values[name] = True
    return way.format(p=str(price).replace(".", ","), n=number, q=percent)


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """What the writer of one signal meant."""

    side: Side
    asset: str
    entry: Decimal | None
    targets: tuple[Decimal, ...]
    stop: Decimal | None


@dataclass(frozen=True, slots=True)
class WrittenSignals:
    """A text and the signals in it, in its order."""

    text: str
    rows: tuple[WrittenRow, ...]


def write_signals(number: int) -> WrittenSignals:
    """Return message ``number``: a table, distances in points, odd figures, or expectations in percent."""
    random = Random(number)
    return random.choice((_table, _distances, _odd_figures, _promises))(random)


def _levels(random: Random, side: Side, count: int) -> tuple[Decimal, Decimal, tuple[Decimal, ...]]:
    """Return stop, entry and targets."""
    levels = [Decimal(n).scaleb(-2) for n in sorted(random.sample(range(1051, 1999), count + 2))]
    if side is Side.SELL:
        levels.reverse()
    return levels[0], levels[1], tuple(levels[2:])


def _comma(price: Decimal) -> str:
    return str(price).replace(".", ",")


def _table(random: Random) -> WrittenSignals:
    side, count = random.choice(list(Side)), random.randint(1, 3)
    entry_name = random.choice(("Compra",) if side is Side.BUY else ("Venda",))
    names = [
        random.choice(("Ativo", "Papel", "Código")),
        entry_name,
        *(random.choice((f"Alvo {n}", f"{n}º alvo", f"Objetivo {n}")) for n in range(1, count + 1)),
        "Stop",
    ]
    order = [0, *random.sample(range(1, len(names)), len(names) - 1)]
    joint = random.choice((" | ", "\t", "|", " |"))
    lines, rows = [joint.join(names[i] for i in order)], []
    if random.random() < 0.3:
        lines.append(joint.join("---" for _ in order))
    for asset in random.sample(_TICKERS, random.randint(1, 3)):
        stop, entry, targets = _levels(random, side, count)
        cells = [asset, *map(_comma, (entry, *targets, stop))]
        lines.append(joint.join(cells[i] for i in order))
        rows.append(WrittenRow(side, asset, entry, targets, stop))
    return WrittenSignals("\n".join(lines), tuple(rows))


def _distances(random: Random) -> WrittenSignals:
    side = random.choice(list(Side))
    entry = random.randint(126_000, 140_000)
    unit = random.choice(("pts", "pontos", " pts", " pontos", " ticks"))
    target, stop = random.randrange(100, 900, 50), random.randrange(100, 500, 50)
    sign = random.choice((": ", " ", " de ", " = "))
    lines = [
        f"Alvo{sign}{target}{unit}",
        f"Stop{sign}{stop}{unit}",
        f"{'Compra' if side is Side.BUY else 'Venda'}: {entry:,}".replace(",", "."),
    ]
    random.shuffle(lines)
    row = WrittenRow(side, "WINFUT", Decimal(entry), (), None)
    return WrittenSignals("\n".join(("Ativo: WINFUT", *lines)), (row,))


def _odd_figures(random: Random) -> WrittenSignals:
    side = random.choice(list(Side))
    stop, entry, targets = _levels(random, side, 2)
    written = [_comma(price) for price in (entry, *targets, stop)]
    i = random.randrange(4)
    mark = random.choice("²³¹⁴①½·*´'’‘‚٫＿•~_")
    written[i] = random.choice((written[i] + mark, mark + written[i], written[i].replace(",", mark)))
    label = "Compra" if side is Side.BUY else "Venda"
    text = "Ativo: PETR4\n{}: {}\nAlvo 1: {}\nAlvo 2: {}\nStop: {}".format(label, *written)
    return WrittenSignals(text, (WrittenRow(side, "PETR4", entry, targets, stop),))


def _promises(random: Random) -> WrittenSignals:
    side = random.choice(list(Side))
    stop, entry, targets = _levels(random, side, 1)
    label = random.choice(("Compra", "COMPRA") if side is Side.BUY else ("Venda", "VENDA"))
    gain, loss = (Decimal(random.randint(10, 99)).scaleb(-1) for _ in range(2))
    parts = [
        f"Alvo: {_comma(targets[0])} (+{_comma(gain)}%)",
        f"Stop: {_comma(stop)} (-{_comma(loss)}%)",
        random.choice(("Potencial de ganho: +{}%", "Ganho potencial +{}%", "Retorno: +{}%")).format(gain),
        random.choice(("Perda: -{}%", "Risco de -{}%", "Perda potencial: {}%")).format(loss),
    ]
    random.shuffle(parts)
    text = "\n".join(("Nova recomendação", f"{label}: BBAS3 {_comma(entry)}", *parts))
    return WrittenSignals(text, (WrittenRow(side, "BBAS3", entry, targets, stop),))
