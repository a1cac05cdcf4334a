"""Companies are found by their names, and the list in the order of assets is grouped."""

import pytest

from tests.browser.test_dashboard import ROW
from tests.browser.test_logic import logic
from tests.support.browsing import Page

__all__ = ["logic"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("petrobras", [["Petrobras", ["PETR3", "PETR4"]]]),
        ("itau u", [["Itaú Unibanco", ["ITUB4"]]]),
        ("ITAÚSA", [["Itaúsa", ["ITSA4"]]]),
        ("unibanco", [["Itaú Unibanco", ["ITUB4"]]]),
        ("etrobras", []),
        ("v", []),
        ("", []),
    ],
)
def test_a_company_is_found_by_the_beginning_of_a_word(
    logic: Page, text: str, found: list[tuple[str, list[str]]]
) -> None:
    assert logic.logic("company_search.js", "m.findCompanies(arguments[0])", text) == found


@pytest.mark.parametrize(
    ("asset", "company"),
    [
        *(("PETR4", "Petrobras"), ("PETR4F", "Petrobras"), ("PETRL345", "Petrobras"), ("B3SA3", "B3")),
        *(("WINZ26", None), ("PETRO", None), ("XXXX3", None)),
    ],
)
def test_shares_fractions_and_options_belong_to_their_company(
    logic: Page, asset: str, company: str | None
) -> None:
    assert logic.logic("company_search.js", "m.companyOf(arguments[0])", asset) == company


def test_the_table_of_companies_has_the_index_s_87_papers_and_says_its_source(logic: Page) -> None:
    assert logic.logic("companies.js", "Object.keys(m.COMPANIES).length") == 87
    assert "2025" in logic.logic("companies.js", "m.SOURCE")


def test_a_search_for_a_company_offers_its_assets(page: Page) -> None:
    page.open("/?search=cvc")
    page.wait("!document.querySelector('#companies').hidden")
    assert page.texts("#companies button") == ["CVCB3"]
    page.one("#companies button").click()
    page.wait("location.search === '?asset=CVCB3'")
    page.wait(f"document.querySelector('{ROW}')?.innerText.includes('CVCB3')")


def test_the_list_in_the_order_of_assets_is_grouped(page: Page) -> None:
    page.open("/?sort=asset.asc&period=30")
    heads = page.texts("#rows .group")
    names = page.texts(f"{ROW} b")
    assert [head.split(" · ")[0] for head in heads] == sorted(set(names))
    for head in heads:
        number = names.count(head.split(" · ")[0])
        assert head.split(" · ")[-1] == ("1 sinal" if number == 1 else f"{number} sinais")
    assert any("CVC" in head or "Petrobras" in head or "Vale" in head for head in heads)
    page.choose("sort", "")
    page.wait("document.querySelectorAll('#rows .group').length === 0")
