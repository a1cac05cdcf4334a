"""The calculator: exact figures, lots of each kind of asset, and no figure where one would mislead."""

from typing import Any

import pytest

from tests.browser.test_dashboard import ROW
from tests.browser.test_logic import logic
from tests.support.browsing import Page

__all__ = ["logic"]


def sized(logic: Page, capital: str | None, percent: str | None, **changes: Any) -> dict[str, Any]:
    raw = {
        "id": "7",
        "ts": "1795367880000",
        "side": "buy",
        "asset": "PETR4",
        "buy_min": "30.10",
        "buy_max": "30.30",
        "targets": ["31.20", "33.5"],
        "target_final": "33.5",
        "stop": "29.20",
    } | changes
    made = logic.driver.execute_async_script(
        "const [raw, capital, percent, done] = arguments;"
        "Promise.all([import('/assets/risk.js'), import('/assets/model.js')])"
        ".then(([risk, model]) => done(risk.sizeOf(model.toSignal(raw), capital, percent)));",
        *(raw, capital, percent),
    )
    assert isinstance(made, dict)
    return made


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("10.000", "10000"),
        ("10.000,50", "10000.50"),
        ("R$ 1.234.567,8", "1234567.8"),
        ("0.5", "0.5"),
        ("0,500", "0.500"),
        ("10000.50", "10000.50"),
        ("", None),
        ("-5", None),
        ("1e9", None),
        ("1.00.000", None),
        ("dez", None),
    ],
)
def test_amounts_are_read_as_people_write_them(logic: Page, text: str, amount: str | None) -> None:
    assert logic.logic("risk.js", "m.readAmount(arguments[0])", text) == amount


def test_shares_by_lots_and_the_rest_in_the_fractional_market(logic: Page) -> None:
    # 1 % of 30,000 is 300; from 30.30 (the worse end) to 29.20 each share risks 1.10
    size = sized(logic, "30000", "1")
    assert (size["quantity"], size["whole"], size["odd"]) == ("272", "200", "72")
    assert (size["allowed"], size["atRisk"], size["cost"]) == ("300.00", "299.20", "8241.60")
    assert [target["money"] for target in size["targets"]] == ["244.80", "870.40"]
    assert not size["tooDear"]
    assert sized(logic, "3000", "10")["tooDear"]


@pytest.mark.parametrize(
    ("asset", "prices", "quantity", "at_risk"),
    [
        # a point of WIN is 0.20: 250 points risk 50.00
        ("WINZ26", ("131250", "131250", "131000"), "4", "200.00"),
        # a point of WDO is 10: 4.5 points risk 45.00
        ("WDOF27", ("5388.0", "5388.0", "5383.5"), "4", "180.00"),
        ("PETRL345", ("0.2550", "0.2550", "0.2150"), "5000", "200.00"),
        ("PETR4F", ("30.30", "30.30", "29.20"), "181", "199.10"),
        ("KLBN11", ("30.30", "30.30", "29.20"), "181", "199.10"),
    ],
)
def test_each_kind_has_its_lot_and_its_point(
    logic: Page, asset: str, prices: tuple[str, str, str], quantity: str, at_risk: str
) -> None:
    low, high, stop = prices
    size = sized(logic, "20000", "1", asset=asset, buy_min=low, buy_max=high, stop=stop, targets=[])
    assert (size["quantity"], size["atRisk"]) == (quantity, at_risk)


def test_digits_beyond_a_float_are_exact_and_the_risk_is_rounded_up(logic: Page) -> None:
    exact = {"asset": "PETR4F", "buy_min": "2", "buy_max": "2", "stop": "0.999", "targets": []}
    size = sized(logic, "90071992547409.93", "100", **exact)
    assert size["allowed"] == "90071992547409.93"
    quantity = 9007199254740993000 // 100100
    assert size["quantity"] == str(quantity)
    assert size["atRisk"].replace(".", "") == str(-(-quantity * 1001 // 10))


def test_a_sale_risks_upwards(logic: Page) -> None:
    size = sized(logic, "10000", "1", side="sell", stop="31.10", targets=["29.10"], target_final=None)
    # from 30.10, the worse end of a sale
    assert (size["quantity"], size["atRisk"], size["targets"][0]["money"]) == ("100", "100.00", "100.00")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"stop": None}, "prices"),
        ({"stop": "30.30"}, "stop"),
        ({"stop": "31"}, "stop"),
        ({"asset": "OURO"}, "kind"),
        ({"warnings": ["ambiguous_number"]}, "doubtful"),
        ({"buy_min": "3000", "buy_max": "3000", "stop": "1"}, "small"),
    ],
)
def test_no_figure_is_made_from_what_is_doubtful(logic: Page, changes: dict[str, Any], problem: str) -> None:
    assert sized(logic, "10000", "1", **changes)["problem"] == problem


@pytest.mark.parametrize(("capital", "percent"), [(None, "1"), ("0", "1"), ("1000", "101"), ("1000", "0")])
def test_capital_and_risk_must_make_sense(logic: Page, capital: str | None, percent: str) -> None:
    assert sized(logic, capital, percent)["problem"] == "input"


def test_the_calculator_keeps_capital_and_risk_in_the_browser(page: Page) -> None:
    page.open("/?status=all&asset=WINZ26")
    page.one(f"{ROW} .expand").click()
    assert "Informe capital e risco" in page.text(".risk-result")
    page.one(".risk [name=capital]").send_keys("50.000")
    page.wait("document.querySelector('.risk-result').innerText.includes('de R$ 500,00')")
    assert "contrato" in page.text(".risk-result")
    page.open("/?status=all&asset=WINZ26")
    page.one(f"{ROW} .expand").click()
    assert "de R$ 500,00" in page.text(".risk-result")
