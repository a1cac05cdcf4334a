"""What still counts comes first, what ended is one touch away, and each status says since when it holds and why."""

import re

import pytest

from tests.browser.test_dashboard import ROW, signal_text
from tests.support.browsing import Page, System
from tests.support.messages import put, raw_message

STATUSES = f"[...document.querySelectorAll('{ROW}')].map((row) => row.dataset.status)"
COUNTS = re.compile(r"waiting|open|target_\d+")
READY = "document.querySelector('#signals').getAttribute('aria-busy') === 'false'"


def test_the_first_view_shows_what_still_counts_and_the_other_one_everything(
    page: Page, system: System
) -> None:
    ended, stop, counts = 900_731, 900_732, 900_733
    put(
        system.gateway.database_url,
        [
            raw_message(ended, signal_text("EGIE3", "45,10", "47,90", "43,60"), ago_s=4),
            raw_message(stop, "EGIE3 STOP ATINGIDO ❌", ago_s=3),
            raw_message(counts, signal_text("EGIE3", "46,10", "48,90", "44,60"), ago_s=2),
        ],
    )
    # of one asset: other tests have put more signals than a page of the list holds
    page.open("/?status=all&asset=EGIE3")
    page.wait(f"{READY} && {STATUSES}.includes('stopped') && {STATUSES}.length === 2")
    page.one("#view-valid").click()
    page.wait(f"{READY} && {STATUSES}.length === 1")
    assert COUNTS.fullmatch(page.js(STATUSES)[0])
    assert page.js("location.search") == "?asset=EGIE3"
    assert "Todos" in page.text("#end")
    page.one("#view-all").click()
    page.wait(f"{READY} && {STATUSES}.length === 2")
    assert "status=all" in page.js("location.search")
    page.open()
    assert all(COUNTS.fullmatch(status) for status in page.js(STATUSES))


@pytest.mark.parametrize(
    ("status", "language", "row", "sentence"),
    [
        ("expired", "pt-BR", "desde ", r"Vencido desde .+: (o pregão a que .+ acabou|a validade .+ passou)"),
        ("cancelled", "en-US", "since ", r"Cancelled since .+: the channel cancelled it"),
        (
            "target&asset=PRIO3",
            "pt-BR",
            "fim",
            r"Alvo 2 desde .+: o canal contou um resultado\. Não vale mais: .+",
        ),
        ("waiting", "pt-BR", "", r"Aguardando desde .+: o canal nada mais disse deste sinal"),
    ],
)
def test_a_status_says_since_when_and_why(
    page: Page, status: str, language: str, row: str, sentence: str
) -> None:
    page.open(f"/?status={status}", languages=language)
    assert row in page.text(f"{ROW} .c-status")
    page.one(f"{ROW} .expand").click()
    assert any(re.fullmatch(sentence, fact) for fact in page.texts(".detail .meta dd"))


def test_a_filter_that_finds_only_what_has_ended_says_so_and_shows_it(page: Page, system: System) -> None:
    posted = raw_message(900_721, signal_text("LREN3", "15,10", "15,90", "14,60"), ago_s=2)
    put(system.gateway.database_url, [posted, raw_message(900_722, "LREN3 STOP ATINGIDO ❌", ago_s=1)])
    page.open("/?status=stopped")
    page.wait(f"document.querySelector('{ROW}')?.innerText.includes('LREN3')")
    page.open("/?asset=LREN3")
    assert page.texts("#empty button") == ["Limpar filtros", "Ver também os que terminaram"]
    page.driver.execute_script("document.querySelectorAll('#empty button')[1].click()")
    page.wait(f"{STATUSES}.includes('stopped')")


def test_filters_that_the_service_refuses_can_be_cleared_where_that_is_said(page: Page) -> None:
    page.open("/?status=nonsense", width=360, ready=False)
    page.wait("document.querySelector('#empty').innerText.includes('não aceitou')")
    page.one("#empty button").click()
    page.wait(f"document.querySelector('{ROW}')")


def test_a_signal_that_ends_before_the_readers_eyes_stays_with_its_end(page: Page, system: System) -> None:
    gateway = system.gateway.database_url
    put(gateway, [raw_message(900_701, signal_text("TIMS3", "18,10", "19,00", "17,60"), ago_s=2)])
    page.open()
    page.wait(f"document.querySelector('{ROW}')?.innerText.includes('TIMS3')")
    page.one(f"{ROW} .expand").click()
    page.driver.execute_script("document.querySelector('.journal .choice').click()")
    # one comes above it in the same moment
    put(
        gateway,
        [
            raw_message(900_702, "TIMS3 STOP ATINGIDO ❌", ago_s=0),
            raw_message(900_703, signal_text("FLRY3", "12,10", "13,00", "11,60"), ago_s=0),
        ],
    )
    page.wait(f"{STATUSES}[1] === 'stopped'")
    assert page.texts(f"{ROW} b")[:2] == ["FLRY3", "TIMS3"]
    # asked once more, it stays
    page.wait_asking(f"{STATUSES}[1] === 'stopped'")
    # the own record knows of the end
    page.wait(
        "document.querySelectorAll('#record tbody tr')[2].innerText.replace(/\\s+/g, ' ').endsWith('1 0')"
    )
    page.open()
    page.wait(f"document.querySelector('{ROW}')?.innerText.includes('FLRY3')")
    assert "stopped" not in page.js(STATUSES)


def test_what_the_reader_noted_is_followed_to_its_end_though_the_list_does_not_show_it(
    page: Page, system: System
) -> None:
    gateway = system.gateway.database_url
    put(gateway, [raw_message(900_711, signal_text("POMO4", "6,10", "6,90", "5,60"), ago_s=2)])
    page.open("/?asset=POMO4")
    page.wait(f"document.querySelector('{ROW}')?.innerText.includes('POMO4')")
    page.one(f"{ROW} .expand").click()
    page.driver.execute_script("document.querySelector('.journal .choice').click()")
    page.open("/livez", ready=False)
    put(gateway, [raw_message(900_712, "POMO4 STOP ATINGIDO ❌", ago_s=0)])
    page.open()
    page.wait(
        "document.querySelectorAll('#record tbody tr')[2]?.innerText.replace(/\\s+/g, ' ').endsWith('1 0')"
    )


def test_what_prices_have_ended_is_left_out_and_one_touch_shows_it(page: Page, system: System) -> None:
    gateway = system.gateway.database_url
    put(gateway, [raw_message(900_741, signal_text("HYPE3", "25,10", "27,90", "23,60"), ago_s=2)])
    page.open("/?asset=HYPE3")
    page.wait(f"{READY} && {STATUSES}.length === 1")
    assert not page.one("#left-out").is_displayed()
    system.execute(
        "insert into signals.signal_outcomes (channel, message_id, position, rules, id, ts, signal_type, side, asset,"
        " symbol, state, reached, same_bar) select channel, message_id, position, 1, id, ts, signal_type, side, asset,"
        " asset, 'stopped', '{}', false from signals.signal_standings where asset = 'HYPE3'"
    )
    system.execute("update signals.signal_standings set outcome = 'stopped' where asset = 'HYPE3'")
    put(gateway, [raw_message(900_742, signal_text("HYPE3", "26,10", "28,90", "24,60"), ago_s=1)])
    page.wait_asking("document.querySelector('#left-out').innerText.startsWith('1 que os preços já')")
    page.open("/?asset=HYPE3")
    page.wait(f"{READY} && {STATUSES}.length === 1")
    page.wait("!document.querySelector('#left-out').hidden")
    page.one("#left-out button").click()
    page.wait(f"{READY} && {STATUSES}.length === 2")
    assert "status=valid" in page.js("location.search")
    assert page.one("#view-valid").get_attribute("aria-pressed") == "true"
    assert page.text("#left-out button") == "Deixar de fora"
    page.one("#left-out button").click()
    page.wait(f"{READY} && {STATUSES}.length === 1")
    assert "status" not in page.js("location.search")
