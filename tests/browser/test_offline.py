"""Installed, and without the network: the page opens, what it shows is said to be old, and no key's answer outlives its tab."""

import json

import requests
from selenium import webdriver

from tests.browser.conftest import KEY
from tests.browser.test_dashboard import ROW, signal_text
from tests.support.browsing import Page, System, running_system
from tests.support.messages import put, raw_message
from tests.support.stack import eventually

CONTROLLED = "navigator.serviceWorker.controller?.state === 'activated'"


def test_the_manifest_the_icons_and_the_worker_are_served_from_this_origin(system: System) -> None:
    url = system.engine.url
    answer = requests.get(f"{url}/assets/manifest.webmanifest", timeout=30)
    assert answer.headers["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    # relative to the manifest: below a proxy's path it is that path
    assert (manifest["start_url"], manifest["scope"]) == ("../", "../")
    for icon in manifest["icons"]:
        assert requests.get(f"{url}/assets/{icon['src']}", timeout=30).headers["Content-Type"] == icon["type"]
    worker = requests.get(f"{url}/sw.js", timeout=30)
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert "no-cache" in worker.headers["Cache-Control"]
    policy = worker.headers["Content-Security-Policy"]
    assert "manifest-src 'self'; worker-src 'self'" in policy
    names = json.loads(worker.text.split("FILES = ")[1].split(";")[0])
    assert {"main.js", "base.css", "icon-192.png"} <= set(names)
    assert {"index.html", "sw.js"}.isdisjoint(names)


def test_chromium_finds_the_page_installable(page: Page) -> None:
    page.open()
    page.wait(CONTROLLED)
    assert page.cdp("Page.getInstallabilityErrors")["installabilityErrors"] == []


def test_without_the_service_the_page_opens_and_says_how_old_its_signals_are(
    page: Page, system: System
) -> None:
    page.open()
    shown = page.js(f"document.querySelectorAll('{ROW}').length")
    page.wait(CONTROLLED)
    system.engine.kill()
    try:
        page.open("/?side=sell", ready=False)
        page.wait("document.querySelector('#trust').dataset.level === 'bad'")
        page.wait("!document.querySelector('#notice').hidden")
        assert page.text("#notice").startswith("Sem conexão: isto é o que este navegador guardou em ")
        sells = page.js(f"document.querySelectorAll('{ROW}').length")
        assert 0 < sells < shown
        number = page.js(f"document.querySelector('{ROW}').dataset.id")
        # a link leads to the page as well
        page.open(f"/s/{number}", ready=False)
        page.wait(f"document.querySelectorAll('{ROW}').length === {shown}")
        assert page.js("location.search") == f"?signal={number}"
    finally:
        system.engine.start()
    page.wait_asking("document.querySelector('#trust').dataset.level === 'ok'", deadline_s=60)
    page.wait("document.querySelector('#notice').hidden")


def test_the_worker_keeps_files_and_never_an_answer_with_data(page: Page) -> None:
    page.open()
    page.wait(CONTROLLED)
    page.driver.refresh()
    page.wait(f"document.querySelectorAll('{ROW}').length > 0")
    kept = page.driver.execute_async_script(
        "const done = arguments[0]; (async () => { const paths = [];"
        " for (const name of await caches.keys())"
        "  for (const request of await (await caches.open(name)).keys()) paths.push(new URL(request.url).pathname);"
        " done(paths); })()"
    )
    assert "/" in kept
    assert [path for path in kept if path != "/" and not path.startswith("/assets/")] == []


def test_what_was_got_with_a_key_is_kept_for_its_tab_alone(
    browser: webdriver.Chrome, page: Page, locked: System
) -> None:
    put(
        locked.gateway.database_url,
        [raw_message(1, signal_text("EMBR3", "78,10", "80,00", "77,00"), ago_s=1)],
    )
    visit = Page(browser, locked.engine.url)
    visit.open(ready=False)
    visit.wait("document.querySelector('#key-dialog').open")
    visit.one("#key").send_keys(KEY)
    visit.one("#key-dialog button").click()
    visit.wait(f"document.querySelector('{ROW}')?.innerText.includes('EMBR3')")
    visit.wait("JSON.stringify(sessionStorage).includes('EMBR3')")
    assert "EMBR3" not in visit.js("JSON.stringify(localStorage)")
    assert KEY not in visit.js("JSON.stringify(localStorage)")


def test_behind_a_proxys_path_the_worker_and_the_links_stay_below_it(
    browser: webdriver.Chrome, page: Page, system: System
) -> None:
    text = signal_text("EMBR3", "78,10", "80,00", "77,00")
    with running_system(
        system.postgres, [raw_message(1, text, ago_s=60)], TP_CAPITAL_ROOT_PATH="/sinais"
    ) as other:
        eventually(lambda: other.engine.get("/signals").json()["data"])
        visit = Page(browser, f"{other.engine.url}/sinais")
        visit.open(f"/s/{other.engine.get('/signals').json()['data'][0]['id']}")
        visit.wait("document.querySelector('.detail')")
        assert visit.js("location.pathname") == "/sinais/"
        visit.wait(CONTROLLED)
        scope = visit.driver.execute_async_script(
            "navigator.serviceWorker.ready.then((r) => arguments[0](new URL(r.scope).pathname))"
        )
        assert scope == "/sinais/"
