"""Takes the pictures of the page of alerts: rules, and what was sent, what waits and what was left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from actors.names import NOTIFIER
from engine.timers import TimerThread
from storage.postgres.alert_rules import AlertRules, TargetValues
from storage.postgres.database import Database
from storage.postgres.feed_positions import FeedPositions
from tests.support.alerting import Receiver, a_rule, a_webhook
from tests.support.browsing import Page, System
from tests.support.httpstub import Answer
from tests.support.messages import put, raw_message
from tests.support.stack import eventually

__all__ = ["take_alerts"]

SIGNAL = "Swing Trade\n\nAtivo: VALE3\nCompra: 61,20 a 61,60\nAlvo 1: 62,80\nAlvo final: 66,50\n\nStop: 59,90"
MOVED = "VALE3: subir o stop para 61,20"
OPEN = "document.querySelectorAll('.rule')[0].querySelector('[aria-expanded=false]').click()"
SENT = "document.querySelectorAll('.sent [data-state=sent]').length >= 2 && document.querySelector('.sent [data-state=due]')"


def take_alerts(page: Page, system: System, save: Callable[..., None]) -> None:
    """Show the page as its readers have it, on a wide screen and on a phone."""
    with Receiver() as receiver, Receiver() as away:
        away.answer(Answer(status=503))
        with _rules(system) as rules:
            _add(rules, receiver.url, away.url)
        put(system.gateway.database_url, [raw_message(7300, SIGNAL, ago_s=1)])
        receiver.alerts(1)
        put(system.gateway.database_url, [raw_message(7301, MOVED, ago_s=1)])
        receiver.alerts(2)
        eventually(lambda: away.count > 0)
        for name, width, height, dark, languages in (
            ("alerts-light", 1280, 960, False, "pt-BR,pt"),
            ("alerts-dark", 1280, 960, True, "en-US,en"),
            ("alerts-phone", 390, 1200, False, "pt-BR,pt"),
        ):
            page.open("/alerts.html", width=width, height=height, dark=dark, languages=languages, ready=False)
            page.wait("document.querySelectorAll('.rule').length === 3")
            page.driver.execute_script(OPEN)
            page.wait(SENT)
            save(page, name, width, height, scale=1)


def _add(rules: AlertRules, taken_url: str, away_url: str) -> None:
    phone = TargetValues(kind="apprise", url="tgram://none", service="Telegram", masked="tgram://1...9/987…")
    program = replace(a_webhook(taken_url), masked="https://robo.example/***")
    other = replace(a_webhook(away_url), masked="https://reserva.example/***")
    quiet = a_rule("Telefone", language="pt", kinds=("signal",), assets=("PETR4",), quiet_hours="22:00-07:00")
    rules.add(a_rule("Meu robô", language="pt", kinds=("signal", "update", "result")), [program, other])
    rules.add(quiet, [phone])
    rules.add(a_rule("Plantão", language="pt", kinds=("system",), enabled=False), [phone])


@contextmanager
def _rules(system: System) -> Iterator[AlertRules]:
    timers = TimerThread()
    database = Database(system.engine_dsn, schema="signals", pool_max=2, timers=timers)
    try:
        database.open()
        yield AlertRules(database, FeedPositions(database, reader=NOTIFIER))
    finally:
        database.close()
        timers.close()
