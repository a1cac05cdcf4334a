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


#: shows a report as if the service had answered it
REPORTED = """
const points = [0.2, 0.4, 0.7].map((share) => ({number: 80, probability: share, share: share, share_low: share - 0.1,
  share_high: share + 0.1}));
const evidence = {foretold: 240, days: 44, brier: 0.2, base_brier: 0.24, skill: 0.08, skill_low: 0.02, skill_high: 0.14,
  auc: 0.66, slope: 1.05, intercept: -0.02, reliability: points};
const report = {shown: true, reason: null, trained_at: '2026-11-23T06:00:00Z', results: 510, least_results: 200,
  least_foretold: 200, least_days: 20, weeks: 9, model: '0123456789abcdef', kind: 'regression',
  trained_until: '2026-11-23T03:00:00Z', base_rate: 0.4, evidence,
  features: [{name: 'rsi', influence: 0.4, weights: {rsi: 0.5}}, {name: 'channel', influence: 0.2, weights: {}}], ...arguments[0]};
const { scoreReport } = await import('./assets/score_report.js');
document.querySelector('#score').replaceChildren(...scoreReport(report).filter(Boolean));
"""


def test_the_score_is_shown_with_its_evidence_or_why_it_is_not(page: Page) -> None:
    page.open("/record.html", ready=False)
    page.wait("document.querySelector('#score').innerText.includes('há 0 resultados, e são precisos 200')")
    for width, dark, language, title in (
        (1100, False, "pt-BR", "Probabilidade do alvo 1"),
        (390, True, "en-US", "Probability of target 1"),
    ):
        page.open("/record.html", width=width, dark=dark, languages=language, ready=False)
        page.wait("document.querySelector('#score p') && document.querySelector('#record p')")
        page.driver.execute_script(REPORTED.replace("arguments[0]", "{}"))
        page.wait("document.querySelector('#score svg')")
        assert page.js("document.querySelectorAll('#score circle').length") == 3
        assert title in page.text("#score")
        assert page.js("document.documentElement.scrollWidth") == width
        assert violations(page) == []
    for told, said in (
        ("{shown: false, reason: 'no_skill'}", "between 2% and 14%"),
        ("{shown: false, reason: 'few_days'}", "its results are of 44 days, and it takes 20"),
        ("{shown: false, reason: 'few_results'}", "240 results were foretold, and it takes 200"),
    ):
        page.driver.execute_script(REPORTED.replace("arguments[0]", told))
        page.wait(f"document.querySelector('#score').innerText.includes({said!r})")
