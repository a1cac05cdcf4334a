"""For every reader: by keyboard, by screen reader, on a phone, in the dark, with both languages."""

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.test_dashboard import ROW, signal_text
from tests.support.browsing import Page, System
from tests.support.messages import put, raw_message
from tests.support.stack import eventually

#: axe-core 4.12.1 (MPL-2.0), as its authors publish it
AXE = Path(__file__).with_name("vendor") / "axe.min.js"
FOCUS = "document.activeElement"


def violations(page: Page) -> list[str]:
    """Return the serious and critical findings of axe-core, each with where."""
    page.driver.execute_script(AXE.read_text())
    found = page.driver.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations))"
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_axe_finds_nothing_serious(page: Page, width: int, *, dark: bool) -> None:
    # signals of every status, and not so many that looking at all takes seconds
    page.open("/?type=Day%20Trade&status=all", width=width, dark=dark)
    page.wait("document.querySelectorAll('#days .bar').length === 90")
    opened = ["", "[data-status=cancelled]", "[data-status^=target]", "[data-status=stopped]"]
    for status in opened:
        page.driver.execute_script(f"document.querySelector('{ROW}{status} .expand').click()")
    page.wait(f"document.querySelectorAll('.raw mark').length > {len(opened)}")
    assert violations(page) == []


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (360, True)])
def test_axe_finds_nothing_serious_in_the_first_view(page: Page, width: int, *, dark: bool) -> None:
    page.open(width=width, dark=dark)
    page.wait("document.querySelectorAll('#days .bar').length === 90")
    assert violations(page) == []


def test_axe_finds_nothing_serious_when_things_are_bad(page: Page) -> None:
    page.open("/?asset=WINZ26&status=all")
    for level in ("caution", "bad", "notice"):
        page.driver.execute_script("document.querySelector('#trust').dataset.level = arguments[0]", level)
        page.driver.execute_script("document.querySelector('#parts .part').dataset.state = 'unhealthy'")
        page.driver.execute_script("document.querySelector('#notice').hidden = false")
        page.driver.execute_script("document.querySelector('#notice').textContent = 'Dados de 10:00'")
        assert violations(page) == []


@pytest.mark.parametrize(("width", "language"), [(320, "pt-BR"), (1440, "en-US")])
def test_a_newcomer_is_told_what_the_signs_mean(page: Page, width: int, language: str) -> None:
    page.open("/?asset=WINZ26&status=all", width=width, height=740, languages=language)
    for state in page.logic("words.pt.js", "Object.keys(m.words).filter((key) => key.startsWith('live.'))"):
        page.driver.execute_script(
            "document.querySelector('#live').textContent = arguments[0]",
            page.logic("i18n.js", "m.t(arguments[0])", state),
        )
        assert page.js("document.documentElement.scrollWidth") == width
    page.driver.execute_script("document.querySelector('#help').focus()")
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.wait("document.querySelector('#help-dialog').open")
    # from its beginning, and with every sign on the picture
    assert page.js(f"{FOCUS}.id") == "help-title"
    assert page.js("document.querySelectorAll('#help-body .pl-name').length") == 4
    assert page.js("document.querySelector('#help-body svg').getBoundingClientRect().right") <= width
    assert violations(page) == []
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.wait(f"{FOCUS}.id === 'help'")


@pytest.mark.parametrize("language", ["pt-BR", "en-US"])
def test_a_phone_needs_no_scrolling_sideways(page: Page, language: str) -> None:
    # a list of each: other tests add signals, and there may be none of a status among the newest hundred
    for status in ("all", "stopped", "cancelled"):
        page.open(f"/?status={status}", width=360, height=740, languages=language)
        page.one("#toggle-filters").click()
        assert page.one("#toggle-filters").get_attribute("aria-expanded") == "true"
        assert page.one("#filters").is_displayed()
        page.one(f"{ROW} .expand").click()
        page.wait("document.querySelector('.detail')")
        assert page.js("document.documentElement.scrollWidth") == 360
        wider = page.js(
            "[...document.querySelectorAll('main *')].filter((e) => e.checkVisibility() && !e.closest('.unseen, thead')"
            " && e.getBoundingClientRect().right > 361).map((e) => e.className)"
        )
        assert wider == []


def test_no_width_needs_scrolling_sideways(page: Page) -> None:
    page.open()
    for width in (320, 768, 1024, 1280, 1366, 1440, 1920):
        page.size(width, 900)
        page.wait(f"innerWidth === {width}")
        assert page.js("document.documentElement.scrollWidth") == width
        fits = "document.querySelector('.list').offsetWidth <= document.querySelector('main').clientWidth"
        assert page.js(fits), width


# a share each: the page of the first is still open, and would have the cache keep what the second is before its change
@pytest.mark.parametrize(("asset", "digits"), [("LONG3", 29), ("LONG4", 400)])
def test_no_price_or_word_is_so_long_that_the_page_needs_scrolling_sideways(
    page: Page, system: System, asset: str, digits: int
) -> None:
    number = 950_000 + digits
    text = signal_text(asset, "9,10", "9,90", "8,70")
    put(system.gateway.database_url, [raw_message(number, text, ago_s=1)])
    eventually(lambda: system.engine.get(f"/signals?asset={asset}").json()["data"])
    dear, word = "7" * digits, "W" * 300
    system.execute(
        "update signals.tp_capital_signals set created_at = now(), buy_min = %s, buy_max = %s, stop = %s, targets = array[%s, %s]::numeric[],"
        " target_final = %s, signal_type = %s, valid_until = %s, warnings = array[%s], raw_message = %s"
        " where message_id = %s",
        *(f"{dear}.5", f"{dear}.75", f"{dear}.25", f"{dear}.875", f"8{dear}", f"9{dear}.5"),
        *(word, word, word, f"{text} {word}", str(number)),
    )
    try:
        page.open(f"/?asset={asset}")
        page.wait_asking(f"document.querySelector('{ROW} .clip')?.textContent.startsWith('WWW')")
        page.one(f"{ROW} .expand").click()
        page.wait("document.querySelector('.detail .warnings')")
        for width in (1920, 1400, 1440, 1280, 1040, 1024, 768, 375, 320):
            page.size(width, 900)
            page.wait(f"innerWidth === {width}")
            # the details are drawn for the room there is when they are opened
            for _ in range(2):
                page.driver.execute_script(f"document.querySelector('{ROW} .expand').click()")
            assert page.js("document.documentElement.scrollWidth") == width
            main = "document.querySelector('main')"
            assert page.js(f"{main}.scrollWidth <= {main}.clientWidth"), width
        # nothing is lost: the whole price is the cell's title, and stands in the details
        whole = page.js(f"document.querySelector('{ROW} .c-stop .long').title")
        assert whole.replace(".", "") == f"{dear},25"
        assert whole in page.texts(".detail .meta dd")
    finally:
        system.execute("delete from signals.tp_capital_signals where message_id = %s", str(number))


def test_the_theme_is_the_systems_until_one_is_chosen(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page.open(dark=True)
    dark = page.js(ground)
    page.open(dark=False)
    light = page.js(ground)
    assert dark != light
    page.one("#theme").click()  # light, chosen
    assert page.js(ground) == light
    page.one("#theme").click()  # dark
    assert page.js(ground) == dark
    page.driver.refresh()
    assert page.js(ground) == dark
    page.one("#theme").click()  # as the system again
    assert page.js(ground) == light


def test_the_keyboard_reaches_and_opens_everything(page: Page) -> None:
    page.open()
    keys = page.driver.switch_to.active_element
    keys.send_keys(Keys.TAB)
    assert page.js(f"{FOCUS}.className") == "skip"
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.wait(f"{FOCUS}.id === 'signals'")
    reached: list[str] = []
    for _ in range(20):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.js(f"{FOCUS}.id || {FOCUS}.name || {FOCUS}.dataset.sort || {FOCUS}.className"))
        assert page.js(f"getComputedStyle({FOCUS}).outlineStyle") != "none", reached[-1]
        if reached[-1] == "expand":
            break
    wanted = [
        "view-valid",
        "view-all",
        "xlsx",
        "csv",
        "search",
        "asset",
        "side",
        "type",
        "status",
        "period",
        "ts",
        "asset",
        "rr",
        "status",
        "expand",
    ]
    assert reached == wanted
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.wait("document.querySelector('.detail .raw')")
    assert page.js(f"{FOCUS}.getAttribute('aria-expanded')") == "true"
    page.driver.switch_to.active_element.send_keys(Keys.SPACE)
    page.wait("!document.querySelector('.detail')")
    # the list is asked anew behind the reader's back; the focus stays
    page.driver.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.js(f"{FOCUS}.className") == "expand"


def read_aloud(page: Page) -> list[tuple[str, str]]:
    """Return role and name of all that a screen reader finds."""
    tree = page.cdp("Accessibility.getFullAXTree")["nodes"]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if "role" in node]


def test_a_screen_reader_finds_landmarks_names_and_a_table(page: Page) -> None:
    page.open()
    # the part that shows the history is made anew with each report, and the tree follows a moment later
    eventually(lambda: ("progressbar", "Histórico completo") in read_aloud(page))
    nodes = read_aloud(page)
    roles = [role for role, _ in nodes]
    for role in ("banner", "main", "search", "contentinfo", "status", "log", "table"):
        assert role in roles, role
    assert ("main", "Sinais") in nodes
    heads = [name for role, name in nodes if role == "columnheader"][:9]
    assert heads[:3] == ["Quando", "Ativo", "Stop"]
    buttons = [name for role, name in nodes if role == "button"]
    assert all(buttons)
    assert any(name.startswith("Detalhes de ") for name in buttons)


def test_on_a_phone_the_cards_are_a_table_still(page: Page) -> None:
    page.open("/?status=all", width=360)
    roles = [role for role, _ in read_aloud(page)]
    assert roles.count("table") >= 1
    assert roles.count("row") > 50
    assert roles.count("cell") > 400
