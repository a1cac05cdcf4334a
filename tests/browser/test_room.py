"""What fits where: a phone shows signals at once, and no row moves another one's columns."""

import pytest

from tests.browser.conftest import SAMPLE_SIGNALS
from tests.browser.test_dashboard import ROW
from tests.support.browsing import Page

MOST_ABOVE_PX = 200
MOST_LIST_PX = 9_000


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_the_first_signal_at_once_and_the_list_is_short(page: Page, width: int) -> None:
    page.open("/?status=all", width=width, height=740)
    page.wait("document.querySelector('#trust').dataset.level === 'ok'", deadline_s=40)
    assert page.js(f"document.querySelector('{ROW}').getBoundingClientRect().top") <= MOST_ABOVE_PX
    # other tests have put in signals of their own
    share = SAMPLE_SIGNALS / len(page.texts(ROW))
    assert page.js("document.querySelector('#rows').offsetHeight") * share <= MOST_LIST_PX

    assert not page.one("#facts").is_displayed()
    page.one("#toggle-trust").click()
    assert page.one("#facts").is_displayed()
    assert page.one("#reasons").is_displayed()
    # what is wrong is never folded away
    page.one("#toggle-trust").click()
    for level in ("notice", "caution", "bad"):
        # in one script, because the page shows the true level again with the next report of health
        assert page.driver.execute_script(
            "document.querySelector('#trust').dataset.level = arguments[0];"
            " return document.querySelector('#reasons').checkVisibility()",
            level,
        ), level


@pytest.mark.parametrize("width", [320, 390])
def test_date_fields_are_inside_a_phones_screen(page: Page, width: int) -> None:
    page.open("/?period=dates", width=width, height=740)
    page.one("#toggle-filters").click()
    edges = page.js(
        "[...document.querySelectorAll('input[type=date]')].map((e) => e.getBoundingClientRect()).map((r) => [r.left, r.right])"
    )
    assert len(edges) == 2
    assert all(0 <= left < right <= width for left, right in edges)


@pytest.mark.parametrize("width", [1920, 1440, 1040, 768])
def test_opening_a_row_moves_no_other_rows_cells(page: Page, width: int) -> None:
    page.open("/?type=Day%20Trade&status=all", width=width)
    cells = (
        f"[...document.querySelectorAll('{ROW}')].map((row) =>"
        " [row.offsetHeight, ...[...row.children].map((c) => [c.offsetLeft, c.offsetWidth])])"
    )
    before = page.js(cells)
    for row in (0, 1):
        page.driver.execute_script(f"document.querySelectorAll('{ROW} .expand')[arguments[0]].click()", row)
    page.wait("document.querySelectorAll('.detail .raw mark').length > 1", deadline_s=40)
    assert page.js(cells) == before
