"""The texts of alerts as a trader reads them on a phone: alert_texts.txt has them, in both languages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from actors.alerts.planning import AlertForm, Telling
from ops.alerts.forms import Forms
from ops.alerts.texts import trouble_lines, warning_words
from ops.http.routes.signal_models import SignalWarning
from storage.postgres.alert_rules import AlertKind
from tests.support.alert_rows import POSTED, a_row, a_stored_rule, an_event

ZONE = ZoneInfo("America/Sao_Paulo")
EXAMPLES = Path(__file__).with_name("alert_texts.txt")
FORMS = Forms(public_url="https://sinais.example", zone=ZONE)
MOVED = an_event("update", new_stop=Decimal("30.10"))
REACHED = an_event("result", target=1, percent=Decimal("2.99"))


def forms(language: str) -> list[AlertForm]:
    """Return the examples: signal, with warnings, moved stop, result, system."""
    rule = a_stored_rule(language=language)
    doubtful = a_row(warnings=["missing_date", "target_order", "far_price", "range_wide"], reward_risk=None)
    told = (
        (AlertKind.SIGNAL, a_row(), None),
        (AlertKind.SIGNAL, doubtful, None),
        (AlertKind.UPDATE, a_row(MOVED), MOVED),
        (AlertKind.RESULT, a_row(REACHED), REACHED),
    )
    of_signals = [
        FORMS.of_signal(Telling(kind=kind, rule=rule, row=row, event=event)) for kind, row, event in told
    ]
    return [*of_signals, FORMS.of_trouble(rule, "gateway", since=POSTED, ended_at=None)]


def test_five_alerts_in_both_languages() -> None:
    written = [f"{form.title}\n{form.text}\n" for language in ("pt", "en") for form in forms(language)]
    assert "\n".join(written) == EXAMPLES.read_text("utf-8")


def test_a_phone_shows_them_whole() -> None:
    for form in forms("pt"):
        assert len(form.title) <= 50
        assert max(map(len, form.text.splitlines())) <= 80


def test_a_signal_with_hundreds_of_targets_is_told_in_short() -> None:
    """A service would refuse a text of some thousand characters, and the alerts after it would wait."""
    many = [Decimal(number) for number in range(1, 600)]
    row = a_row(an_event("update", new_targets=many), targets=many, target_final=Decimal(600))
    rule = a_stored_rule(language="pt")
    first = FORMS.of_signal(Telling(kind=AlertKind.SIGNAL, rule=rule, row=row))
    later = FORMS.of_signal(Telling(kind=AlertKind.UPDATE, rule=rule, row=row, event=row["events"][0]))
    assert "Alvos 1 · 2 · 3 · 4 · 5 · 6 · 7 · 8 · 9 · 10 · +589 · final 600" in first.text
    assert later.title.endswith("9 · 10 · +589")
    assert all(len(form.title) + len(form.text) < 500 for form in (first, later))


def test_a_correction_a_withdrawal_and_a_cancellation_say_so_first() -> None:
    rule = a_stored_rule(language="pt")
    gone = {"superseded_at": POSTED + timedelta(minutes=5), "replaced_by": None}
    cancelled = an_event("cancel")
    titles = [
        FORMS.of_signal(Telling(kind=kind, rule=rule, row=row, event=event)).title
        for kind, row, event in (
            (AlertKind.UPDATE, a_row(), None),
            (AlertKind.CANCEL, a_row() | gone, None),
            (AlertKind.CANCEL, a_row(cancelled), cancelled),
        )
    ]
    assert titles == [
        "CORRIGIDO: COMPRA PETR4 · Swing Trade",
        "RETIRADO: COMPRA PETR4",
        "CANCELADO: COMPRA PETR4",
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stop_hit": True, "percent": Decimal("-2.5")}, "STOP atingido, -2,5 %"),
        ({"target": 0}, "ALVO FINAL"),
        ({"fraction": Decimal("0.50"), "price": Decimal("31.5")}, "parcial de 50 %, a 31,5"),
        ({"fraction": Decimal(1), "breakeven": True}, "saída na entrada, encerrado"),
        ({}, "resultado"),
    ],
)
def test_a_result_says_what_it_is(values: dict[str, Any], said: str) -> None:
    event = an_event("result", **values)
    telling = Telling(kind=AlertKind.RESULT, rule=a_stored_rule(language="pt"), row=a_row(event), event=event)
    assert FORMS.of_signal(telling).title == f"COMPRA PETR4: {said}"


def test_every_warning_has_words_in_both_languages() -> None:
    for language in ("pt", "en"):
        assert set(warning_words(language)) == {warning.value for warning in SignalWarning}


@pytest.mark.parametrize("name", ["gateway", "silence", "database", "telegram"])
@pytest.mark.parametrize("language", ["pt", "en"])
def test_every_trouble_is_told_with_its_end(language: str, name: str) -> None:
    end = POSTED + timedelta(hours=1)
    title, text = trouble_lines(language, name, since=POSTED, ended_at=end, zone=ZONE)
    assert title.startswith(("Sistema: ", "System: "))
    assert "14:03" in text


def test_a_program_gets_the_signal_with_the_digits_of_its_message() -> None:
    telling = Telling(kind=AlertKind.SIGNAL, rule=a_stored_rule(), row=a_row(), reply_to="alert_1")
    body = FORMS.of_signal(telling).body
    assert '"stop":29.255' in body
    assert '"targets":[31.00,32.0]' in body
    told = orjson.loads(body)
    assert (told["type"], told["data"]["in_reply_to"]) == ("alert.signal", "alert_1")
    assert told["data"]["link"] == "https://sinais.example/s/17"
