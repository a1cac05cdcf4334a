"""The address of a signal: it opens the row, says when there is none, and follows what is open."""

import pytest
import requests

from tests.browser.test_dashboard import ROW, signal_text
from tests.support.browsing import Page, System
from tests.support.messages import put, raw_message
from tests.support.stack import eventually

OPEN = f"document.querySelector('{ROW}:has([aria-expanded=true])')"


def id_of(system: System, asset: str) -> str:
    return str(system.engine.get(f"/signals?asset={asset}").json()["data"][0]["id"])


def test_the_short_address_leads_a_browser_to_the_row_and_a_program_to_the_json(system: System) -> None:
    number, url = id_of(system, "CVCB3"), system.engine.url
    page = requests.get(
        f"{url}/s/{number}", headers={"Accept": "text/html"}, timeout=5, allow_redirects=False
    )
    # relative: behind a proxy it stays below the service's path
    assert (page.status_code, page.headers["Location"]) == (307, f"../?signal={number}")
    assert requests.get(f"{url}/s/{number}", timeout=30).json()["asset"] == "CVCB3"
    assert requests.get(f"{url}/s/1e9", timeout=30).status_code == 400


@pytest.mark.parametrize(("after", "opens"), [(".", True), ("a", False), ("%E2%80%AE", True)])
def test_a_link_that_was_cut_or_mistyped_leads_a_browser_to_the_page_all_the_same(
    page: Page, system: System, after: str, *, opens: bool
) -> None:
    number = id_of(system, "CVCB3")
    page.open(f"/s/{number}{after}")
    if opens:
        page.wait(f"{OPEN}?.dataset.id === '{number}'")
    else:
        page.wait("document.querySelector('#link-notice').innerText.includes('desconhecido')")


def test_a_link_opens_its_row_and_the_address_follows_what_is_open(page: Page, system: System) -> None:
    number = id_of(system, "CVCB3")
    page.open(f"/s/{number}")
    page.wait(f"{OPEN}?.dataset.id === '{number}'")
    assert page.js("location.search") == f"?signal={number}"
    assert page.js("document.querySelector('#link-notice').hidden")
    page.driver.execute_script(f"document.querySelector('{ROW} .expand').click()")
    first = page.js(f"document.querySelector('{ROW}').dataset.id")
    assert page.js("location.search") == f"?signal={first}"
    for row in (first, number):
        page.driver.execute_script(f"document.querySelector('[data-id=\"{row}\"] .expand').click()")
    assert page.js("location.search") == ""


def test_a_link_shows_a_signal_that_the_list_does_not_hold(page: Page, system: System) -> None:
    number = id_of(system, "CVCB3")
    page.open(f"/?asset=WINZ26&signal={number}")
    page.wait(f"{OPEN}?.dataset.id === '{number}'")
    assert "CVCB3" in page.text(ROW)
    assert f"sinal {number} do link" in page.text("#link-notice")
    page.choose("asset", "GOAU4")
    page.wait("location.search === '?asset=GOAU4'")
    page.wait(f"!document.querySelector('[data-id=\"{number}\"]')")
    assert page.js("document.querySelector('#link-notice').hidden")


@pytest.mark.parametrize("language", ["pt-BR", "en-US"])
def test_a_link_to_no_signal_says_so(page: Page, language: str) -> None:
    page.open("/s/99999999999", languages=language)
    page.wait("!document.querySelector('#link-notice').hidden")
    assert ("unknown" if language == "en-US" else "desconhecido") in page.text("#link-notice")
    assert page.texts(ROW)


def test_a_signal_is_copied_as_text_with_its_address(page: Page, system: System) -> None:
    number = id_of(system, "CVCB3")
    page.open(f"/s/{number}")
    page.wait(f"{OPEN}?.dataset.id === '{number}'")
    page.driver.execute_script(
        "navigator.clipboard.writeText = async (text) => { window.copied = text; };"
        "[...document.querySelectorAll('.share button')].find((b) => b.innerText === 'Copiar como texto').click()"
    )
    page.wait("window.copied")
    text = page.js("window.copied")
    assert text.startswith("CVCB3 · Venda")
    assert text.endswith(f"{page.url}/s/{number}")
    page.wait("document.querySelector('.share [role=status]').innerText === 'Copiado.'")


def test_odd_characters_of_a_message_are_shown_and_turn_nothing_around(page: Page, system: System) -> None:
    hidden = "\u202e12,34\u202c\u200bА👨\u200d💻"
    put(
        system.gateway.database_url,
        [
            raw_message(
                910_301, signal_text("KEPL3", "9,10", "9,90", "8,70") + f"\nobs {hidden}", ago_s=86_400
            )
        ],
    )
    eventually(lambda: system.engine.get("/signals?asset=KEPL3").json()["data"])
    page.open(f"/s/{id_of(system, 'KEPL3')}")
    page.wait("document.querySelectorAll('.raw mark').length > 2")
    assert page.texts(".raw .odd") == ["U+202E", "U+202C", "U+200B", "А U+0410"]
    assert "\u202e" not in page.js("document.querySelector('.detail').textContent")
    assert "👨\u200d💻" in page.js("document.querySelector('.raw').textContent")
    assert "4 caracteres estranhos" in page.text(".detail-raw")
