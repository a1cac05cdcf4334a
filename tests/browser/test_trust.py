"""When something breaks the page says so in plain words, and says when it is well again."""

import re
import time

import pytest
from selenium import webdriver

from tests.browser.conftest import KEY
from tests.browser.test_access import violations
from tests.browser.test_dashboard import ROW, signal_text
from tests.support.browsing import Page, System
from tests.support.messages import put, raw_message
from tests.support.stack import engine_environment, eventually, running_daemon

LEVEL = "document.querySelector('#trust').dataset.level"
REASONS = "document.querySelector('#reasons').innerText"


def test_a_stopped_database_is_said_and_its_return_too(page: Page, system: System) -> None:
    page.open()
    shown = len(page.texts(ROW))
    system.postgres.stop()
    try:
        # what has not been asked before the outage cannot be told: no invented rows
        page.choose("search", "never asked before")
        page.wait_asking(f"{LEVEL} === 'bad'")
        assert page.text("#headline") == "Não confie nesta página agora"
        page.wait("document.querySelector('#empty').dataset.state === 'failed'")
        assert page.texts(ROW) == []
        page.wait_asking(f"{REASONS}.includes('não conseguimos guardar sinais novos')")
        page.wait_asking("document.querySelector('#parts .part').dataset.state === 'unhealthy'")
        assert page.texts("#parts .part-state")[0] == "fora"
        # one trouble, one sentence
        assert "Algumas listas" not in page.text("#reasons")
        # the last good list stands, and says of when it is
        page.choose("search", "")
        page.wait(f"document.querySelectorAll('{ROW}').length === {shown}")
        page.wait_asking("!document.querySelector('#notice').hidden")
        assert page.text("#notice").startswith("Dados de ")
        # the operators' causes, with their addresses, stay in /health
        assert not re.search(r"\d+\.\d+\.\d+\.\d+|localhost|postgres|:\d{4,5}\b", page.text("body"))
    finally:
        system.postgres.start()
    page.wait_asking(f"{LEVEL} === 'ok'")
    assert page.js("document.querySelector('#notice').hidden")


@pytest.mark.parametrize("language", ["pt", "en"])
def test_outages_are_told_in_words_of_a_trader(page: Page, language: str) -> None:
    page.open("/livez", ready=False)
    told = page.logic(
        f"words.{language}.js",
        "Object.entries(m.words).filter(([key]) => /^(reason|fact|breaker|part|state|notice|empty|file)\\./.test(key))"
        ".map(([, words]) => String(words))",
    )
    engineers = r"disjuntor|breaker|gateway|cache|redis|banco|database|processo|process\b"
    assert len(told) > 50
    assert not [words for words in told if re.search(engineers, words, re.IGNORECASE)]


def test_a_gateway_that_is_gone_is_said_with_its_breaker(page: Page, system: System) -> None:
    page.open()
    system.gateway.kill()
    try:
        page.wait_asking(f"{LEVEL} === 'caution' && {REASONS}.includes('O Telegram não responde desde')")
        assert page.text("#headline") == "Atenção: sinais podem faltar ou atrasar"
        page.wait_asking("document.querySelector('#facts').dataset.breaker !== 'closed'")
    finally:
        system.gateway.start()
    page.wait_asking(f"{LEVEL} === 'ok'")


def test_an_engine_that_is_gone_is_said_and_found_again(page: Page, system: System) -> None:
    page.open()
    shown = len(page.texts(ROW))
    system.engine.kill()
    try:
        page.wait_asking(f"{LEVEL} === 'bad' && {REASONS}.includes('O serviço não responde desde')")
        assert page.text("#live") == "Sem conexão"
        # what was known of its parts is not claimed any longer
        assert set(page.texts("#parts .part-state")) == {"sem notícia"}
        assert page.text("#facts div:nth-child(3) dd") == "–"
        assert len(page.texts(ROW)) == shown
    finally:
        system.engine.start()
    page.wait_asking(f"{LEVEL} === 'ok'")
    page.wait("document.querySelector('#live').dataset.state === 'live'")
    text = signal_text("EMBR3", "78,10", "80,00", "77,00")
    put(system.gateway.database_url, [raw_message(930_001, text, ago_s=1)])
    page.wait(f"document.querySelector('{ROW}')?.innerText.includes('EMBR3')")


def test_where_reading_needs_the_key_the_page_asks_for_it(
    browser: webdriver.Chrome, page: Page, locked: System
) -> None:
    text = signal_text("EMBR3", "78,10", "80,00", "77,00")
    put(locked.gateway.database_url, [raw_message(1, text, ago_s=1)])
    visit = Page(browser, locked.engine.url)
    visit.open(ready=False)
    visit.wait("document.querySelector('#key-dialog').open")
    # the service answers: it is the key that is missing, not the connection
    visit.wait("document.querySelector('#live').innerText === 'Em espera'")
    assert violations(visit) == []
    for key in ("a wrong key", KEY):
        visit.one("#key").clear()
        visit.one("#key").send_keys(key)
        visit.one("#key-dialog button").click()
        if key == "a wrong key":
            visit.wait(
                "document.querySelector('#key-dialog').open && !document.querySelector('#key-wrong').hidden"
            )
    visit.wait(f"document.querySelector('{ROW}')?.innerText.includes('EMBR3')")
    visit.driver.refresh()
    visit.wait(f"document.querySelector('{ROW}')?.innerText.includes('EMBR3')")


def test_where_reading_needs_the_key_news_come_by_the_stream_all_the_same(
    browser: webdriver.Chrome, page: Page, locked: System
) -> None:
    visit = Page(browser, locked.engine.url)
    visit.open(ready=False)
    visit.wait("document.querySelector('#key-dialog').open")
    visit.one("#key").send_keys(KEY)
    visit.one("#key-dialog button").click()
    visit.wait("document.querySelector('#live').innerText === 'Ao vivo'")
    first = signal_text("EMBR3", "78,10", "80,00", "77,00")
    put(locked.gateway.database_url, [raw_message(1, first, ago_s=1)])
    visit.wait(f"document.querySelector('{ROW}')?.innerText.includes('EMBR3')")
    # the list is not asked for any more: what appears now was told by the stream
    visit.js(
        "window.fetch = ((send) => (path, ...given) =>"
        " String(path).startsWith('/api/v1/signals?') ? new Promise(() => {}) : send(path, ...given))(fetch)"
    )
    text = signal_text("GOAU4", "0,2550", "0,3050", "0,2150")
    put(locked.gateway.database_url, [raw_message(2, text, ago_s=1)])
    visit.wait(f"document.querySelector('{ROW}')?.innerText.includes('0,2550')")


def test_a_stream_that_breaks_goes_on_where_it_was(page: Page, system: System) -> None:
    broken = (
        "window.streams = []; const send = fetch; window.fetch = async (path, given) => {"
        " if (new URL(path, document.baseURI).pathname !== '/signals/stream') return send(path, given);"
        " window.streams.push(given.headers['Last-Event-ID'] ?? null);"
        # each one ends in the middle of its second event, whose id was not told to its end
        " const text = ': hi\\nretry: 100\\n\\nid: 7\\nevent: stale\\ndata: {}\\n\\nid: 8\\ndata: {}';"
        " return new Response(text, {headers: {'Content-Type': 'text/event-stream; charset=utf-8'}}); }"
    )
    hidden = page.cdp("Page.addScriptToEvaluateOnNewDocument", source=broken)
    try:
        page.open()
        page.wait("window.streams.length > 2")
        assert page.js("window.streams.slice(0, 3)") == [None, "7", "7"]
        page.driver.execute_script("dispatchEvent(new Event('pagehide'))")
        opened = page.js("window.streams.length")
        time.sleep(0.5)
        assert page.js("window.streams.length") == opened
    finally:
        page.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=hidden["identifier"])


def test_a_page_of_a_process_that_only_serves_says_who_does_what(page: Page, system: System) -> None:
    environment = engine_environment(system.engine_dsn, system.gateway.url, TP_CAPITAL_ROLE="serve")
    with running_daemon(environment) as serving:
        eventually(lambda: serving.check("timescaledb") == "healthy")
        visit = Page(page.driver, serving.url)
        visit.open()
        visit.wait_asking("document.querySelectorAll('#parts .part-since').length === 1")
        assert "lê os canais" in visit.text("#parts")
        assert "papel serve" in visit.text("#parts")
        assert visit.js("document.querySelector('#history').hidden")
