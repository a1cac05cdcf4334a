"""The texts of alerts, in Portuguese and English: short, for the lock screen of a phone. Pure functions.

The title says what happened and with which asset. Prices have exactly the digits of the message.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from importlib.resources import files
from typing import Any

from actors.alerts.planning import Telling
from actors.alerts.quiet import is_over
from engine.model import EventKind
from storage.postgres.alert_rules import AlertKind

__all__ = ["signal_lines", "test_lines", "trouble_lines", "warning_words"]

Row = Mapping[str, Any]
#: warnings and targets that are told; the page shows the others. A service refuses a text that is too long.
_MOST_WARNINGS, _MOST_TARGETS = 3, 10
_WORDS: Mapping[str, Mapping[str, str]] = {
    "pt": {
        "buy": "COMPRA",
        "sell": "VENDA",
        "entry": "Entrada",
        "to": "a",
        "targets": "Alvos",
        "target": "Alvo",
        "final": "final",
        "stop": "Stop",
        "rr": "R/R",
        "no_entry": "Entrada não informada",
        "changed": "CORRIGIDO",
        "withdrawn": "RETIRADO",
        "cancelled": "CANCELADO",
        "update": "atualização",
        "withdrawn_why": "A mensagem não traz mais este sinal.",
        "cancelled_why": "O canal cancelou este sinal.",
        "deleted_why": "O canal apagou a mensagem deste sinal.",
        "new_stop": "novo stop",
        "new_target": "novo alvo",
        "new_targets": "novos alvos",
        "new_entry": "nova entrada",
        "breakeven": "stop na entrada",
        "stopped": "STOP atingido",
        "hit": "alvo {n} atingido",
        "hit_final": "ALVO FINAL",
        "out": "saída na entrada",
        "part": "parcial de {p} %",
        "at": "a",
        "result": "resultado",
        "was": "Sinal de {time}",
        "corrected_why": "O canal editou a mensagem. Vale agora:",
        "holds": "Vale agora",
        "all_out": "encerrado",
        "gateway": "o gateway do Telegram não responde",
        "silence": "nenhuma mensagem há horas de pregão",
        "database": "o banco de dados esteve fora",
        "telegram": "a sessão do Telegram caiu",
        "since": "Desde {time}. Sinais podem atrasar.",
        "ended": "Desde {time}. Sinais voltaram a ser lidos.",
        "over": "normal de novo",
        "system": "Sistema",
        "until": "De {time} a {end}. Sinais desse tempo chegam agora.",
        "test": "Teste de alertas",
        "test_text": "Os alertas da regra “{name}” chegam aqui.",
    },
    "en": {
        "buy": "BUY",
        "sell": "SELL",
        "entry": "Entry",
        "to": "to",
        "targets": "Targets",
        "target": "Target",
        "final": "final",
        "stop": "Stop",
        "rr": "R/R",
        "no_entry": "No entry price",
        "changed": "CORRECTED",
        "withdrawn": "WITHDRAWN",
        "cancelled": "CANCELLED",
        "update": "update",
        "withdrawn_why": "Its message no longer holds this signal.",
        "cancelled_why": "The channel cancelled this signal.",
        "deleted_why": "The channel deleted the message of this signal.",
        "new_stop": "new stop",
        "new_target": "new target",
        "new_targets": "new targets",
        "new_entry": "new entry",
        "breakeven": "stop at the entry",
        "stopped": "STOP hit",
        "hit": "target {n} reached",
        "hit_final": "FINAL TARGET",
        "out": "closed at the entry",
        "part": "{p} % closed",
        "at": "at",
        "result": "result",
        "was": "Signal of {time}",
        "corrected_why": "The channel edited its message. What holds now:",
        "holds": "Now",
        "all_out": "closed",
        "gateway": "the Telegram gateway does not answer",
        "silence": "no message for hours of the session",
        "database": "the database was away",
        "telegram": "the Telegram session is lost",
        "since": "Since {time}. Signals may be late.",
        "ended": "Since {time}. Signals are being read again.",
        "over": "well again",
        "system": "System",
        "until": "From {time} to {end}. Signals of that time arrive now.",
        "test": "Test of alerts",
        "test_text": "Alerts of the rule “{name}” arrive here.",
    },
}


def signal_lines(telling: Telling, *, zone: tzinfo, link: str | None) -> tuple[str, str]:
    """Return title and text of an alert about a signal."""
    words, row = _WORDS[telling.rule.values.language], telling.row
    price = _price_of(telling.rule.values.language)
    side = f"{words[row['side']]} {row['asset']}"
    first = telling.event is None and telling.kind in (AlertKind.SIGNAL, AlertKind.UPDATE)
    if first:
        title = f"{side} · {row['signal_type']}{' ⚠' if row['warnings'] else ''}"
        lines = _signal(row, words, price, telling.rule.values.language)
        if telling.corrects:
            title, lines = f"{words['changed']}: {title}", [words["corrected_why"], *lines]
    elif telling.event is None:
        title, lines = f"{words['withdrawn']}: {side}", [words["withdrawn_why"]]
    elif telling.kind is AlertKind.CANCEL:
        why = "deleted_why" if telling.event["kind"] == EventKind.DELETED else "cancelled_why"
        title, lines = f"{words['cancelled']}: {side}", [words[why]]
    else:
        title = f"{side}: {', '.join(_news(telling.event, words, price)) or words[telling.kind]}"
        over = is_over(row["status"]) or not row["current"].fraction
        lines = [] if over else [f"{words['holds']}: {_now(row, words, price)}"]
    where = row["channel_label"] or row["channel"]
    posted = telling.event["ts"] if telling.event else row["ts"]
    lines.append(f"{where} · {_time(posted, zone)}")
    if not first:
        lines[-1] += f" · {words['was'].format(time=_time(row['ts'], zone, day_of=posted))}"
    return title, "\n".join([*lines, *([link] if link else [])])


def trouble_lines(
    language: str, name: str, *, since: datetime, ended_at: datetime | None, zone: tzinfo
) -> tuple[str, str]:
    """Return title and text of an alert about a trouble of the system. The database's is told with its end alone."""
    words, begin = _WORDS[language], _time(since, zone)
    if ended_at is None:
        return f"{words['system']}: {words[name]}", words["since"].format(time=begin)
    if name == "database":
        return f"{words['system']}: {words[name]}", words["until"].format(
            time=begin, end=_time(ended_at, zone)
        )
    return f"{words['system']}: {words['over']}", f"({words[name]}) {words['ended'].format(time=begin)}"


def test_lines(language: str, rule: str) -> tuple[str, str]:
    """Return title and text of a test."""
    words = _WORDS[language]
    return words["test"], words["test_text"].format(name=rule)


@functools.cache
def warning_words(language: str) -> Mapping[str, str]:
    """Return the sentence of each warning. They are those of the page."""
    page = files("ops.http").joinpath("dashboard", f"words.{language}.js").read_text("utf-8")
    return dict(re.findall(r'"warning\.(\w+)": "(.*)",', page))


def _signal(row: Row, words: Mapping[str, str], price: Callable[[Decimal], str], language: str) -> list[str]:
    """Return what a signal says, a line each: entry, targets, stop and its reward over risk, warnings."""
    entry = _range(row["buy_min"], row["buy_max"], words, price)
    lines = [f"{words['entry']} {entry}" if entry else words["no_entry"]]
    if targets := _targets(row["targets"], row["target_final"], words, price):
        lines.append(f"{words['targets'] if ' · ' in targets else words['target']} {targets}")
    rest = [f"{words['stop']} {price(row['stop'])}"] if row["stop"] is not None else []
    rest += [f"{words['rr']} {price(row['reward_risk'])}"] if row["reward_risk"] is not None else []
    lines += [" · ".join(rest)] if rest else []
    told = warning_words(language)
    warnings = list(row["warnings"])
    lines += [f"⚠ {told.get(warning, warning)}" for warning in warnings[:_MOST_WARNINGS]]
    if len(warnings) > _MOST_WARNINGS:
        lines.append(f"⚠ +{len(warnings) - _MOST_WARNINGS}")
    return lines


def _news(event: Row, words: Mapping[str, str], price: Callable[[Decimal], str]) -> list[str]:
    """Return what an update or result says, the most important first."""
    result = event["kind"] == AlertKind.RESULT
    said = [words["stopped"]] if event["stop_hit"] else []
    if result and event["target"] is not None:
        said.append(words["hit"].format(n=event["target"]) if event["target"] else words["hit_final"])
    if event["new_stop"] is not None:
        said.append(f"{words['new_stop']} {price(event['new_stop'])}")
    if event["new_targets"]:
        several = "new_targets" if len(event["new_targets"]) > 1 else "new_target"
        said.append(f"{words[several]} {' · '.join(_first(event['new_targets'], price))}")
    if event["new_entry"]:
        said.append(
            f"{words['new_entry']} {_range(min(event['new_entry']), max(event['new_entry']), words, price)}"
        )
    if event["breakeven"]:
        said.append(words["out" if result else "breakeven"])
    if event["fraction"] is not None:
        percent = format((event["fraction"] * 100).normalize(), "f")
        said.append(words["all_out"] if event["fraction"] == 1 else words["part"].format(p=percent))
    if event["price"] is not None:
        said.append(f"{words['at']} {price(event['price'])}")
    if event["percent"] is not None:
        said.append(f"{'+' if event['percent'] > 0 else ''}{price(event['percent'])} %")
    return said


def _now(row: Row, words: Mapping[str, str], price: Callable[[Decimal], str]) -> str:
    """Return the values that hold now, in one line."""
    now = row["current"]
    entry = _range(now.buy_min, now.buy_max, words, price)
    targets = _targets(now.targets, now.target_final, words, price)
    stop = price(now.stop) if now.stop is not None else words["breakeven"] if now.breakeven else ""
    parts = ((words["entry"], entry), (words["targets"], targets), (words["stop"], stop))
    return ", ".join(f"{name.lower()} {value}" for name, value in parts if value)


def _range(
    low: Decimal | None, high: Decimal | None, words: Mapping[str, str], price: Callable[[Decimal], str]
) -> str:
    known = [value for value in dict.fromkeys((low, high)) if value is not None]
    return f" {words['to']} ".join(map(price, known))


def _targets(
    numbered: Sequence[Decimal],
    final: Decimal | None,
    words: Mapping[str, str],
    price: Callable[[Decimal], str],
) -> str:
    said = _first(numbered, price)
    if final is not None and (not numbered or final != numbered[-1]):
        said.append(f"{words['final']} {price(final)}")
    return " · ".join(said)


def _first(targets: Sequence[Decimal], price: Callable[[Decimal], str]) -> list[str]:
    more = len(targets) - _MOST_TARGETS
    return [*map(price, targets[:_MOST_TARGETS]), *([f"+{more}"] if more > 0 else [])]


def _price_of(language: str) -> Callable[[Decimal], str]:
    """Return how a price is written: with all its digits, and with a comma in Portuguese."""
    return lambda value: format(value, "f").replace(".", "," if language == "pt" else ".")


def _time(at: datetime, zone: tzinfo, *, day_of: datetime | None = None) -> str:
    """Return the time of the day; with its day if that is not the day of ``day_of``."""
    local = at.astimezone(zone)
    if day_of is not None and day_of.astimezone(zone).date() != local.date():
        return f"{local:%d/%m %H:%M}"
    return f"{local:%H:%M}"
