"""One browser and one system for all tests of the page; each test has a fresh visit."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from selenium import webdriver

from ops.local.postgres import LocalPostgres
from ops.local.sample import load_sample
from tests.support.browsing import Page, System, chromium, running_system
from tests.support.messages import stored_signals
from tests.support.stack import eventually

#: signals among the messages of the sample history
SAMPLE_SIGNALS = 72


#: the key of the system that asks for one
KEY = "the-right-key"
#: what a page can leave in the browser
_STORES = "local_storage,session_storage,service_workers,cache_storage"


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """Run one Chromium."""
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="session")
def system(postgres: LocalPostgres) -> Iterator[System]:
    """Run one system that holds the sample history."""
    with running_system(postgres, load_sample(datetime.now(UTC))) as running:
        eventually(
            lambda: len(stored_signals(running.engine_dsn)) >= SAMPLE_SIGNALS,
            what="the sample history is not read",
        )
        yield running


@pytest.fixture
def page(browser: webdriver.Chrome, system: System) -> Iterator[Page]:
    """Give a fresh visit, and fail the test for any error of our scripts."""
    visit = Page(browser, system.engine.url)
    visit.cdp("Storage.clearDataForOrigin", origin=visit.url, storageTypes=_STORES)
    visit.errors()
    yield visit
    errors = visit.errors()
    browser.get("about:blank")
    assert not errors


@pytest.fixture
def locked(system: System) -> Iterator[System]:
    """Run another system, one that shows signals to those with the key only."""
    with running_system(system.postgres, TP_CAPITAL_API_KEY=KEY, TP_CAPITAL_READ_KEY_REQUIRED="1") as other:
        yield other
