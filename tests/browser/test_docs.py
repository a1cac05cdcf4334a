"""The page of the API: found by an address, tried by a form, the same request for curl."""

import json
import shlex
import subprocess

import pytest

from tests.browser.conftest import KEY
from tests.browser.test_access import violations
from tests.support.browsing import Page, System
from tests.support.servers import need_program
from tests.support.stack import eventually


def opened(page: Page, path: str = "/docs#listSignals", width: int = 1440, *, dark: bool = False) -> None:
    page.driver.get("about:blank")
    page.open(path, width=width, dark=dark, ready=False)
    page.wait("document.querySelectorAll('details').length > 10")


def typed(page: Page, selector: str, text: str) -> None:
    """Write into a field as a person does."""
    page.one(selector).clear()
    page.one(selector).send_keys(text)


def told(page: Page, part: str) -> str:
    """Return the text of a part of the list's operation."""
    text = page.js("document.querySelector(arguments[0]).textContent", f"#listSignals .{part}")
    assert isinstance(text, str)
    return text


def test_an_operation_has_an_address_and_is_tried_as_curl_would_ask(page: Page) -> None:
    opened(page)
    assert page.js("document.querySelector('main h2').textContent") == "signals"
    assert page.js("[...document.querySelectorAll('details[open]')].map((one) => one.id)") == ["listSignals"]
    page.one("#getSummary summary").click()
    page.wait("location.hash === '#getSummary'")
    typed(page, "#listSignals input[placeholder='100']", "2")
    page.one("#listSignals .send").click()
    eventually(lambda: told(page, "answer"))
    curl = shlex.split(told(page, "curl"))
    answer = subprocess.run(
        [need_program("curl"), *curl[1:]], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert "limit=2" in curl[-1]
    shown = "".join(told(page, "answer").split())
    assert shown == "".join(answer.split()), "with exactly the digits of the answer"


def test_the_key_is_sent_and_named_but_not_shown(page: Page, locked: System) -> None:
    visit = Page(page.driver, locked.engine.url)
    opened(visit)
    visit.one("#listSignals .send").click()
    eventually(lambda: told(visit, "outcome").startswith("401"))
    typed(visit, "#key", KEY)
    visit.one("#listSignals .send").click()
    eventually(lambda: told(visit, "outcome").startswith("200"))
    assert "X-API-Key: $TP_CAPITAL_API_KEY" in told(visit, "curl")
    assert KEY not in told(visit, "curl")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_the_page_of_the_api_fits_and_axe_finds_nothing_serious(
    page: Page, width: int, *, dark: bool
) -> None:
    opened(page, width=width, dark=dark)
    assert page.js("document.documentElement.scrollWidth") == width
    assert violations(page) == []


def test_markup_in_a_description_or_an_answer_is_shown_as_text(page: Page) -> None:
    marked = "<b class='markup'>bold</b><script>window.ran = true</script>"
    hooked = page.cdp(
        "Page.addScriptToEvaluateOnNewDocument",
        source=f"const mark = JSON.stringify({json.dumps(marked)}).slice(1, -1); const send = fetch;"
        " window.fetch = async (...given) => { const answer = await send(...given);"
        r""" const text = (await answer.text())"""
        r""" .replace(/("(?:description|summary|raw_message)": ?")/g, (name) => name + mark);"""
        " return new Response(text, answer); };",
    )
    try:
        opened(page)
        page.one("#listSignals .send").click()
        eventually(lambda: "raw_message" in told(page, "answer"))
    finally:
        page.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=hooked["identifier"])
    page.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait("[...document.querySelectorAll('details')].every((one) => one.querySelector('.inside'))")
    for place in ("#about", "#listSignals .about", "#listSignals .parameters", "#listSignals .inside > p"):
        assert marked in page.js("document.querySelector(arguments[0]).textContent", place), place
    assert marked in told(page, "answer")
    assert page.js("document.querySelectorAll('.markup, #operations script').length") == 0
