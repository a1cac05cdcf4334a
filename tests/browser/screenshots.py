"""Takes the pictures of the dashboard that stand in docs/images: ``make screenshots``."""

import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from engine.bars import BarSource
from engine.timers import TimerThread
from ops.local.postgres import LocalPostgres
from ops.local.sample import load_sample
from ops.local.sample_bars import sample_bars, sample_instruments
from storage.postgres.bars import Bars
from storage.postgres.database import Database
from storage.postgres.instruments import Instruments
from tests.browser.alert_pictures import take_alerts
from tests.support.alerting import LOOPBACK
from tests.support.browsing import Page, System, chromium, running_system
from tests.support.messages import put, raw_message
from tests.support.stack import eventually

IMAGES = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES = 200_000
PROGRAMS = ("chromium", "chromedriver", "pngquant")
LIVE = "⚡️Day Trade\n\nAtivo: PETR4\nCompra: 38,42 a 38,50\nAlvo 1: 38,85\nAlvo 2: 39,30\nAlvo final: 40,10\n\nStop: 37,95"
#: a signal with a moved stop, a part that was closed and a result, and one in odd characters
EVENTS = [
    "Swing Trade\n\nAtivo: VALE3\nCompra: 61,20 a 61,60\nAlvo 1: 62,80\nAlvo 2: 64,00\nAlvo final: 66,50\n\nStop: 59,90",
    "VALE3: alvo 1 atingido, subir o stop para 61,20",
    "VALE3: realizar parcial de 50% em 62,90",
    "Swing Trade\n\nAtivo: ITUB4\nCompra: 36,10\nAlvo 1: 37,00\nAlvo final: 38,20\n\nStop: 35,40",
    "ITUB4: stop movido para 36,10",
    "Swing Trade\n\n𝗔𝘁𝗶𝘃𝗼: WEGE3\n𝗖𝗼𝗺𝗽𝗿𝗮: 𝟱𝟮,𝟰𝟬\nAlvo 1: 53,٩0\nAlvo final: 55,00\n\nStop: 51,00",
]
#: signals of the sample history that have prices
SIGNALS = 72
CHOOSE = """
const field = document.querySelector('#chosen [name=by]');
field.value = arguments[0];
field.dispatchEvent(new Event('change', {bubbles: true}));
"""
QUIET = "document.activeElement.blur()"
#: a signal that reached a target and was stopped later, by the sample's prices
JUDGED = "VIVT3"
OPEN = """
const row = [...document.querySelectorAll('#rows tr')].find(row => row.innerText.includes(arguments[0]));
row.querySelector('.expand').click();
"""


def main() -> None:
    """Take them all."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        sys.exit(f"not installed: {', '.join(missing)}; the Makefile says which packages have them")
    IMAGES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-pictures-", dir="/tmp"))
    try:
        with (
            LocalPostgres(folder) as postgres,
            running_system(postgres, load_sample(datetime.now(UTC)), **LOOPBACK) as system,
            chromium() as driver,
        ):
            take(Page(driver, system.engine.url), system)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def take(page: Page, system: System) -> None:
    """Show the page as its readers have it."""
    page.open()
    put(system.gateway.database_url, [raw_message(7001, LIVE, ago_s=8)])
    page.wait("document.querySelector('#rows .new-tag')")
    # until figures and counts have caught up
    page.wait("/^[0-9,]+ s$/.test(document.querySelector('#facts div:nth-child(4) dd').innerText)")
    page.wait("/\\d sinais/.test(document.querySelector('#days').innerText)")
    save(page, "dashboard-light", 1440, 900, scale=1.5)

    page.open("/?type=Day%20Trade&status=all", dark=True, languages="en-US,en")
    page.wait("document.querySelectorAll('#days .bar').length === 90")
    page.driver.execute_script("document.querySelector('[data-status=target_2] .expand').click()")
    page.wait("document.querySelector('.raw mark')")
    save(page, "dashboard-dark", 1440, 900, scale=1.5)

    page.open(width=390, height=844)
    save(page, "dashboard-phone", 390, 844, scale=2)

    put(
        system.gateway.database_url,
        [raw_message(7100 + number, text, ago_s=6) for number, text in enumerate(EVENTS)],
    )
    page.open("/?type=Swing%20Trade")
    page.wait("[...document.querySelectorAll('#rows tr')].some(row => row.innerText.includes('WEGE3'))")
    for asset in ("VALE3", "WEGE3"):
        page.driver.execute_script(OPEN, asset)
    page.wait("document.querySelectorAll('.raw mark').length > 1")
    save(page, "dashboard-events", 1440, 1500, scale=1)

    page.open("/?type=Swing%20Trade", width=390, height=844)
    page.wait("[...document.querySelectorAll('#rows tr')].some(row => row.innerText.includes('WEGE3'))")
    page.driver.execute_script(OPEN, "VALE3")
    page.wait("document.querySelector('.raw mark')")
    save(page, "dashboard-events-phone", 390, 1600, scale=1.5)

    take_prices(page, system)
    take_alerts(page, system, save)

    page.open()
    system.postgres.stop()
    try:
        page.wait_asking("document.querySelector('#trust').dataset.level === 'bad'")
        page.wait_asking("!document.querySelector('#notice').hidden")
        save(page, "dashboard-outage", 1440, 640, scale=1.5)
    finally:
        system.postgres.start()


def take_prices(page: Page, system: System) -> None:
    """Show what prices say of the sample history."""
    fill_prices(system)
    eventually(lambda: system.engine.get("/record").json()["total"]["signals"] >= SIGNALS, what="no record")
    for name, width, height, dark, language, by in (
        ("record-light", 1280, 800, False, "pt-BR,pt", "month"),
        ("record-dark", 1280, 800, True, "en-US,en", "type"),
        ("record-phone", 390, 844, False, "pt-BR,pt", "month"),
    ):
        page.open("/record.html", width=width, height=height, dark=dark, languages=language, ready=False)
        page.wait("document.querySelector('.record-table')")
        page.driver.execute_script(CHOOSE, by)
        page.wait("document.querySelectorAll('.record-table tbody tr').length > 2")
        save(page, name, width, height, scale=1.5)

    page.open(f"/?asset={JUDGED}&status=valid")
    page.wait("document.querySelector('#left-out').innerText.includes('já encerraram')")
    page.driver.execute_script(OPEN, JUDGED)
    page.wait("document.querySelector('.market')")
    save(page, "dashboard-market", 1440, 1160, scale=1)


def fill_prices(system: System) -> None:
    """Store the prices of the demo."""
    now, timers = datetime.now(UTC), TimerThread()
    database = Database(system.engine_dsn, schema="signals", pool_max=2, timers=timers)
    try:
        database.open()
        Instruments(database).put(sample_instruments(now))
        Bars(database).put(sample_bars(now), source=BarSource.SAMPLE)
    finally:
        database.close()
        timers.close()


def save(page: Page, name: str, width: int, height: int, *, scale: float) -> None:
    """Write the picture with a palette of its own: a page has few colours."""
    page.size(width, height, scale=scale)
    page.driver.execute_script(QUIET)
    page.wait(f"innerWidth === {width}")
    path = IMAGES / f"{name}.png"
    page.driver.save_screenshot(str(path))
    subprocess.run(
        ["pngquant", "--force", "--strip", "--speed=1", f"--output={path}", "128", str(path)], check=True
    )
    assert path.stat().st_size < MOST_BYTES, f"{path} has {path.stat().st_size} bytes"


if __name__ == "__main__":
    main()
