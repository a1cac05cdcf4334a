"""The reader's own notes: kept in the browser, beside the channel's word, and exportable."""

import csv
from pathlib import Path

from tests.browser.test_dashboard import ROW
from tests.support.browsing import Page, downloaded


def press(page: Page, words: str) -> None:
    page.driver.execute_script(
        "[...document.querySelectorAll('.detail .choice')].find((b) => b.innerText === arguments[0]).click()",
        words,
    )


def test_notes_are_kept_counted_beside_the_channels_word_and_exported(page: Page, tmp_path: Path) -> None:
    page.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.open("/?asset=CVCB3")
    status = page.js(f"document.querySelector('{ROW}').dataset.status")
    assert page.js("document.querySelector('#record').hidden")
    page.one(f"{ROW} .expand").click()
    press(page, "Peguei")
    page.one(".journal [name=result]").send_keys("-1.080,505")
    page.one(".journal [name=note]").send_keys("=saí cedo")
    page.open("/?asset=CVCB3")
    page.one(f"{ROW} .expand").click()
    assert page.js("document.querySelector('.journal [name=note]').value") == "=saí cedo"
    assert page.texts(".choice[aria-pressed=true]") == ["Peguei"]
    cells = page.texts("#record tbody td:nth-child(2)")
    assert cells == [
        *("1", str(int(status.startswith("target"))), str(int(status == "stopped"))),
        *(str(int(not status.startswith("target") and status != "stopped")), "0", "1", "R$ −1.080,51"),
    ]
    page.one("#record .button").click()
    text = downloaded(tmp_path, "*.csv").decode("utf-8-sig")
    (row,) = csv.DictReader(text.splitlines(keepends=True), delimiter=";")
    assert (row["asset"], row["choice"], row["status"]) == ("CVCB3", "took", status)
    # the exact amount; and a note that a spreadsheet would run is made text
    assert (row["result"], row["note"]) == ("-1080,505", "'=saí cedo")


def test_a_result_that_is_no_amount_is_said_and_not_counted(page: Page) -> None:
    page.open("/?asset=CVCB3")
    page.one(f"{ROW} .expand").click()
    press(page, "Deixei")
    page.one(".journal [name=result]").send_keys("muito")
    assert "não é um valor" in page.text(".journal [role=status]")
    assert page.texts("#record tbody td:nth-child(3)")[-1] == "–"
    # taken back: nothing is left of it
    press(page, "Deixei")
    page.driver.execute_script(
        "const field = document.querySelector('.journal [name=result]');"
        "field.value = ''; field.dispatchEvent(new Event('input'))"
    )
    assert page.js("document.querySelector('#record').hidden")


def test_what_is_noted_in_one_tab_is_in_the_record_of_another(page: Page) -> None:
    page.open("/?asset=CVCB3")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open("/?asset=CVCB3")
    page.one(f"{ROW} .expand").click()
    press(page, "Peguei")
    page.driver.close()
    page.driver.switch_to.window(first)
    page.wait("document.querySelector('#record tbody td:nth-child(2)')?.innerText === '1'")


def test_the_record_follows_the_channels_word(page: Page) -> None:
    page.open("/?asset=CVCB3")
    told = page.driver.execute_async_script(
        "const done = arguments[0];"
        "import('/assets/journal.js').then((m) => {"
        " const signal = {id: '1', ts: 0, channel: '-1', messageId: '5', position: 0, asset: 'A', side: 'buy', status: 'open'};"
        " m.note(signal, {choice: 'took', note: '', result: '0,10'});"
        " m.note({...signal, messageId: '6'}, {choice: 'took', note: '', result: '0,20'});"
        # the message was read again: another id, the same signal
        " m.refresh([{...signal, id: '9', status: 'stopped'}]);"
        " done(m.record().took); })"
    )
    assert (told["signals"], told["stopped"], told["other"]) == (2, 1, 1)
    assert (told["won"], told["total"]) == (2, "0.30")
