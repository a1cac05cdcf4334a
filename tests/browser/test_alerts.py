"""The page of alerts: with the key, a rule is made, tried, changed and removed, and what was sent is seen."""

from __future__ import annotations

import pytest

from tests.browser.test_access import violations
from tests.support.alerting import LOOPBACK, Receiver
from tests.support.browsing import Page
from tests.support.httpstub import Answer
from tests.support.serving import serving

KEY = "the-right-key"
RULE = "document.querySelector('.rule')"


def press(page: Page, text: str) -> None:
    """Press the button with this text."""
    page.driver.execute_script(
        "[...document.querySelectorAll('button')].find((b) => b.checkVisibility() && b.innerText === arguments[0]).click()",
        text,
    )


def give_key(page: Page) -> None:
    page.wait("document.querySelector('#key-dialog').open")
    page.one("#key").send_keys(KEY)
    press(page, "Entrar")
    page.wait("!document.querySelector('#key-dialog').open")


@pytest.mark.timeout(240)
def test_a_rule_from_its_making_to_its_end(page: Page, module_database_url: str) -> None:
    settings: dict[str, str] = {"TP_CAPITAL_API_KEY": KEY, "TP_CAPITAL_READ_KEY_REQUIRED": "1", **LOOPBACK}
    with serving(module_database_url, **settings) as served, Receiver() as receiver:
        visit = Page(page.driver, served.url)
        visit.open("/alerts.html", width=1100, ready=False)
        give_key(visit)
        visit.wait("document.querySelector('#rules').innerText.includes('Ainda não há regras')")

        press(visit, "Nova regra")
        visit.one("[name=name]").send_keys("Telefone")
        visit.one("[name=assets]").send_keys("petr4, vale3")
        visit.one("[name=quietHours]").send_keys("22-7")
        visit.one("[name=url]").send_keys(f"{receiver.url}/hook/secret")
        press(visit, "Salvar")
        visit.wait("document.querySelector('#rule-wrong').innerText.includes('quiet_hours')")
        visit.one("[name=quietHours]").clear()
        visit.one("[name=quietHours]").send_keys("22:00-07:00")
        assert violations(visit) == []
        press(visit, "Salvar")
        visit.wait(f"{RULE}?.innerText.includes('PETR4, VALE3 · silêncio 22:00-07:00')")
        assert "whsec_" in visit.text(".secret")
        assert f"{receiver.url}/***" in visit.text(".rule")

        receiver.queue(Answer(status=500))
        press(visit, "Testar")
        visit.wait("document.querySelector('.sent [data-state=dead]')")
        assert "the target answered 500" in visit.text(".sent")
        press(visit, "Enviar de novo")
        visit.wait("document.querySelector('.sent [data-state=sent]')")

        for width, dark, language in ((360, True, "en-US"), (320, False, "pt-BR")):
            visit.open("/alerts.html", width=width, dark=dark, languages=language, ready=False)
            visit.wait(RULE)
            assert visit.js("document.documentElement.scrollWidth") == width
            assert violations(visit) == []

        press(visit, "Editar")
        visit.driver.execute_script("document.querySelector('[name=enabled]').click()")
        assert visit.js("document.documentElement.scrollWidth") == 320
        press(visit, "Salvar")
        visit.wait(f"{RULE}.innerText.includes('desligada')")
        visit.driver.execute_script("window.confirm = () => true")
        press(visit, "Remover")
        visit.wait("document.querySelector('#rules').innerText.includes('Ainda não há regras')")
