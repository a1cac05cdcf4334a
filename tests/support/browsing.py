"""A real Chromium (Debian's) driven by WebDriver, and the whole system that its page looks at."""

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from selenium import webdriver
from selenium.common.exceptions import JavascriptException
from selenium.webdriver.remote.webelement import WebElement

from ops.local.postgres import LocalPostgres
from ops.local.process import wait_until
from tests.support.messages import put
from tests.support.servers import need_program
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment

__all__ = ["Page", "System", "chromium", "downloaded", "running_system"]

_ARGUMENTS = (
    "--headless=new",
    # as root, as in CI, Chromium has no sandbox; it opens pages of our own only
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--lang=pt-BR",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Database, gateway and engine, each a process that a test may stop; who stops one brings it back."""

    postgres: LocalPostgres
    gateway: GatewayProcess
    engine: EngineProcess
    engine_dsn: str

    def execute(self, statement: str, *values: object) -> None:
        """Change the engine's database behind its back.

        The next commit number makes it seen. The engine keeps rows that it has read, and knows them by when their standing
        changed.
        """
        with psycopg.connect(self.engine_dsn, autocommit=True) as connection:
            connection.execute(statement.encode(), values)
            connection.execute("update signals.signal_standings set updated_at = clock_timestamp()")
            connection.execute("update signals.commits set number = number + 1")


@contextlib.contextmanager
def running_system(
    postgres: LocalPostgres, messages: Iterable[dict[str, Any]] = (), **settings: str
) -> Iterator[System]:
    """Run the system on a gateway that holds ``messages``; ``settings`` are further ones of the engine."""
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-browser-", dir="/tmp"))
    names = [f"{part}_{uuid.uuid4().hex}" for part in ("engine", "gateway")]
    for name in names:
        postgres.create_database(name)
    engine_dsn, gateway_dsn = (postgres.dsn(name) for name in names)
    try:
        with GatewayProcess(gateway_dsn, folder) as gateway:
            put(gateway_dsn, messages)
            # the history is read at once: what a test puts in later comes by polling
            settings = {"TP_CAPITAL_BACKFILL_DELAY_S": "0", "GATEWAY_BATCH_SIZE": "1000", **settings}
            with EngineProcess(engine_environment(engine_dsn, gateway.url, **settings), folder) as engine:
                engine.wait_healthy()
                yield System(postgres=postgres, gateway=gateway, engine=engine, engine_dsn=engine_dsn)
    finally:
        for name in names:
            postgres.drop_database(name)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Run a Chromium with a profile of its own, gone afterwards; its driver ends it by its process id."""
    options = webdriver.ChromeOptions()
    options.binary_location = need_program("chromium")
    profile = tempfile.mkdtemp(prefix="tp-capital-chromium-")
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # named, so that selenium looks for no driver elsewhere
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(need_program("chromedriver")))
    try:
        driver.set_script_timeout(60)
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def downloaded(folder: Path, pattern: str) -> bytes:
    """Return what a download has saved; the browser makes the file before it writes it."""
    assert wait_until(lambda: any(file.stat().st_size for file in folder.glob(pattern)), deadline_s=45)
    return next(folder.glob(pattern)).read_bytes()


class Page:
    """The dashboard in the browser: opening it one way or another, asking it, using it."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(
        self,
        path: str = "/",
        *,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        languages: str = "pt-BR,pt",
        zone: str = "America/Sao_Paulo",
        ready: bool = True,
    ) -> None:
        """Open the page as a reader of this kind has it; with ``ready``, once it shows signals or none."""
        self.size(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp(
            "Emulation.setEmulatedMedia",
            features=[scheme, {"name": "prefers-reduced-motion", "value": "reduce"}],
        )
        agent = str(self.driver.execute_script("return navigator.userAgent"))
        self.cdp("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)
        self.cdp("Emulation.setTimezoneOverride", timezoneId=zone)
        self.driver.get(self.url + path)
        if ready:
            self.wait("document.querySelector('#signals').getAttribute('aria-busy') === 'false'")
            self.wait("document.querySelector('#trust').dataset.level !== 'wait'")

    def size(self, width: int, height: int, *, scale: float = 1) -> None:
        """Give the page so much room, in CSS pixels; ``scale`` is how many of the device make one."""
        room = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.cdp("Emulation.setDeviceMetricsOverride", **room)

    def errors(self) -> list[str]:
        """Return what the console has of errors since it was last asked; refused requests are none of ours."""
        entries = self.driver.execute("getLog", {"type": "browser"})["value"]
        return [
            entry["message"]
            for entry in entries
            if entry["level"] == "SEVERE" and entry["source"] != "network"
        ]

    def cdp(self, command: str, **parameters: object) -> Mapping[str, Any]:
        """Give the browser a command of the DevTools protocol."""
        answer = self.driver.execute_cdp_cmd(command, parameters)
        assert isinstance(answer, dict)
        return answer

    def js(self, expression: str, *arguments: object) -> Any:
        """Return the value of an expression; ``arguments[0]`` and so on are given."""
        return self.driver.execute_script(f"return ({expression})", *arguments)

    def logic(self, module: str, expression: str, *arguments: object) -> Any:
        """Return the value of an expression over ``m``, a module of the page."""
        answer = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            f"import('/assets/{module}').then(async (m) => done({{value: await ({expression})}}))"
            ".catch((error) => done({error: String(error)}));",
            *arguments,
        )
        if "error" in answer:
            raise JavascriptException(answer["error"])
        return answer.get("value")

    def wait(self, expression: str, *, deadline_s: float = 40.0) -> None:
        """Wait until an expression of JavaScript holds."""
        self._wait(f"Boolean({expression})", expression, deadline_s)

    def wait_asking(self, expression: str, *, deadline_s: float = 60.0) -> None:
        """Wait until an expression holds, and let the page ask at once, as when a reader comes back to it."""
        returned = "document.dispatchEvent(new Event('visibilitychange'))"
        self._wait(f"({returned}, Boolean({expression}))", expression, deadline_s)

    def _wait(self, asked: str, what: str, deadline_s: float) -> None:
        # each look costs the browser, the driver and us some milliseconds of the same two processors
        assert wait_until(lambda: bool(self.js(asked)), deadline_s=deadline_s, every_s=0.06), what

    def one(self, selector: str) -> WebElement:
        """Return the first element."""
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """Return the visible text of the first element."""
        return str(self.js("document.querySelector(arguments[0]).innerText", selector))

    def texts(self, selector: str) -> list[str]:
        """Return the visible texts of all elements."""
        found = self.js(
            "[...document.querySelectorAll(arguments[0])].map((e) => e.innerText.trim())", selector
        )
        assert isinstance(found, list)
        return found

    def choose(self, name: str, value: str, *, events: Sequence[str] = ("input", "change")) -> None:
        """Give a field of the filters a value, as a reader's input does."""
        self.driver.execute_script(
            "const field = document.getElementById('filters').elements[arguments[0]];"
            "field.value = arguments[1];"
            "for (const kind of arguments[2]) field.dispatchEvent(new Event(kind, {bubbles: true}))",
            name,
            value,
            events,
        )
