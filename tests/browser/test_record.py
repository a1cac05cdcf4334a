"""The page of track records: charts and table of what the service answers, on narrow screens and in the dark."""

from __future__ import annotations

from tests.browser.test_access import violations
from tests.support.browsing import Page

#: shows a record as if the service had answered it
ANSWERED = """
const few = arguments[0];
const figures = {signals: 3, judged: 3, entered: 2, entered_share: 0.6667, resolved: 2, hits: 1, hit_rate: 0.5,
  hit_rate_low: 0.0945, hit_rate_high: 0.9055, total_r: 0.5, average_r: 0.25, median_r: 0.25, profit_factor: 1.5,
  expectancy: 0.1667, longest_losing_run: 1, max_drawdown_r: 1, claims_agree: 1, claims_contradict: 0,
  claims_not_verifiable: 0, few};
const body = {exit: 'first', total: figures, groups: [{...figures, name: 'Sala <b>A</b>'}],
  equity: [{at: '2026-03-02T14:00:00Z', r: 1.5}, {at: '2026-03-03T14:00:00Z', r: 0.5}], results: [-1, 1.5]};
const send = window.fetch;
window.fetch = (path, ...more) =>
  String(path).includes('/record?') ? Promise.resolve(new Response(JSON.stringify(body))) : send(path, ...more);
document.querySelector('#chosen').dispatchEvent(new Event('change'));
"""


def test_a_record_is_shown_as_charts_and_table_and_small_numbers_are_said_to_be_small(page: Page) -> None:
    page.open("/record.html", ready=False)
    page.wait("document.querySelector('#record').innerText.includes('não há preços')")
    for width, dark, language, few in (
        (1100, False, "pt-BR", "Menos de 30"),
        (360, True, "en-US", "Fewer than 30"),
    ):
        page.open("/record.html", width=width, dark=dark, languages=language, ready=False)
        page.wait("document.querySelector('#record p')")
        page.driver.execute_script(ANSWERED, True)
        page.wait("document.querySelector('.record-table')")
        assert page.js("document.querySelectorAll('.record-charts svg').length") == 3
        assert "Sala <b>A</b>" in page.text(".record-table")
        assert few in page.text("#record")
        assert page.js("document.querySelectorAll('.record-table tr.few').length") == 2
        assert page.js("document.documentElement.scrollWidth") == width
        # no figure is out of sight
        assert page.js("document.querySelector('.record-table').scrollWidth") <= width
        assert violations(page) == []
    page.driver.execute_script(ANSWERED, False)
    page.wait("!document.querySelector('.record-table tr.few')")
    assert few not in page.text("#record")
