"""A new signal is noticed wherever the reader is on the page, and with the tab in the background."""

import pytest

from tests.browser.test_dashboard import ROW, signal_text
from tests.support.browsing import Page, System
from tests.support.messages import put, raw_message

PILL = "document.querySelector('#news')"
ICON = "document.querySelector('link[rel=icon]').getAttribute('href')"
LIMIT_S = 40.0
#: keeps what the page hands to the browser: a headless one shows and sounds nothing that a test could ask for
LISTENERS = """
window.notes = []; window.tones = 0;
const Shown = Notification;
window.Notification = class extends Shown {
  constructor(title, options) { super(title, options); window.notes.push(`${title}: ${options.body}`); }
};
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) { window.tones += 1; return start.apply(this, given); };
"""


def post(system: System, number: int, asset: str) -> None:
    text = signal_text(asset, "10,20", "11,00", "9,80")
    put(system.gateway.database_url, [raw_message(number, text, ago_s=1)])


@pytest.mark.parametrize("width", [1440, 390])
def test_who_has_scrolled_down_is_told_and_brought_to_the_new_signal(
    page: Page, system: System, width: int
) -> None:
    page.open(width=width, height=800)
    page.driver.execute_script("scrollTo(0, 1500)")
    post(system, 960_000 + width, "ALOS3")
    page.wait(f"!{PILL}.hidden", deadline_s=LIMIT_S)
    assert page.text("#news") == "1 novo sinal ↑"
    assert page.js("document.title").startswith("(1) ")
    assert page.js(ICON).startswith("data:image/svg+xml")
    page.driver.execute_script("scrollTo(0, 2500)")
    left, right, top, bottom = page.js(
        f"(({{left, right, top, bottom}}) => [left, right, top, bottom])({PILL}.getBoundingClientRect())"
    )
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= 800

    page.one("#news").click()
    page.wait(f"{PILL}.hidden")
    box = page.js(
        f"(({{top, bottom}}) => [top, bottom])(document.querySelector('{ROW}').getBoundingClientRect())"
    )
    assert 0 <= box[0] < box[1] <= 800
    assert page.js("document.activeElement.closest('tr')?.innerText").startswith(page.text(ROW)[:5])
    assert not page.js("document.title").startswith("(")
    assert page.js(ICON) == "assets/icon.svg"


def test_a_list_that_begins_elsewhere_goes_to_the_newest(page: Page, system: System) -> None:
    page.open("/?sort=ts.asc")
    post(system, 961_001, "RAIL3")
    page.wait(f"!{PILL}.hidden", deadline_s=LIMIT_S)
    page.one("#news").click()
    page.wait(f"document.querySelector('{ROW}').innerText.includes('RAIL3')", deadline_s=LIMIT_S)
    assert page.js(f"{PILL}.hidden")


def test_in_the_background_signals_are_counted_until_the_reader_is_back(page: Page, system: System) -> None:
    page.open()
    page.wait("document.querySelector('#live').dataset.state === 'live'")
    hide = "Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});"
    page.driver.execute_script(hide, True)
    post(system, 961_002, "BRAV3")
    page.wait("document.title.startsWith('(1) ')", deadline_s=LIMIT_S)
    page.driver.execute_script(f"{hide} document.dispatchEvent(new Event('visibilitychange'))", False)
    page.wait(f"!document.title.startsWith('(') && {PILL}.hidden")


def test_sound_and_notification_are_asked_for_by_a_button_and_remembered(page: Page, system: System) -> None:
    page.cdp("Browser.grantPermissions", origin=page.url, permissions=["notifications"])
    hooked = page.cdp("Page.addScriptToEvaluateOnNewDocument", source=LISTENERS)
    try:
        page.open()
        for name in ("sound", "notify"):
            assert page.one(f"#{name}").get_attribute("aria-pressed") == "false"
            page.one(f"#{name}").click()
            page.wait(f"document.querySelector('#{name}').getAttribute('aria-pressed') === 'true'")
        page.driver.refresh()
        page.wait("document.querySelector('#live').dataset.state === 'live'", deadline_s=LIMIT_S)
        for name in ("sound", "notify"):
            assert page.one(f"#{name}").get_attribute("aria-pressed") == "true"
        assert page.js("[window.tones, window.notes]") == [0, []]
        post(system, 961_003, "CEAB3")
        page.wait("window.notes.length > 0", deadline_s=LIMIT_S)
        assert page.js("window.notes") == [
            "1 novo sinal ↑: Novo sinal: Compra de CEAB3, entrada 10,20, stop 9,80"
        ]
        assert page.js("window.tones") > 0
    finally:
        page.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=hooked["identifier"])
        page.cdp("Browser.resetPermissions")
