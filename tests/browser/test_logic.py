"""The page's arithmetic and words, asked in the browser that runs them."""

import csv
import io
import json
from typing import Any

import pytest
from selenium import webdriver

from actors.analysis.indicators import Indicators
from tests.support.browsing import Page, System

BUY = {
    "side": "buy",
    "asset": "PETR4",
    "buy_min": "30.10",
    "buy_max": "30.30",
    "targets": ["31.20", "32"],
    "target_final": "33.5",
    "stop": "29.20",
}
HEALTHY: dict[str, Any] = {
    "status": "healthy",
    "checks": {"timescaledb": "healthy", "gatewayApi": "healthy", "pollingWorker": "healthy"},
    "details": {},
}
SINCE = "2026-11-23T12:00:00.000Z"


@pytest.fixture(scope="module")
def logic(browser: webdriver.Chrome, system: System) -> Page:
    """Give a place of the page's origin that shows nothing: the modules are asked, not seen."""
    page = Page(browser, system.engine.url)
    page.cdp("Storage.clearDataForOrigin", origin=page.url, storageTypes="local_storage")
    page.open("/livez", ready=False)
    return page


def signal(**changes: Any) -> dict[str, Any]:
    return {**BUY, "id": "7", "ts": "1795367880000", **changes}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.2550", "0,2550"),
        ("134200", "134.200"),
        ("1234567.50", "1.234.567,50"),
        ("999", "999"),
        ("5388.0", "5.388,0"),
        (None, "–"),
    ],
)
def test_prices_keep_their_digits(logic: Page, text: str | None, shown: str) -> None:
    assert logic.logic("format.js", "m.price(arguments[0])", text) == shown


def test_json_keeps_the_digits_of_numbers_and_the_inside_of_strings(logic: Page) -> None:
    text = '{"stop":0.2550,"n":-12e3,"raw":"1.50 \\"2.0\\" \\\\","list":[1,2.0],"none":null,"yes":true}'
    assert logic.logic("exact.js", "m.parseExact(arguments[0])", text) == {
        "stop": "0.2550",
        "n": "-12e3",
        "raw": '1.50 "2.0" \\',
        "list": ["1", "2.0"],
        "none": None,
        "yes": True,
    }


def test_a_cut_off_answer_is_refused_at_once(logic: Page) -> None:
    text = '{"raw":"' + "a\\\\" * 50_000
    said = logic.logic(
        "exact.js", "(() => {try {m.parseExact(arguments[0])} catch (e) {return e.name}})()", text
    )
    assert said == "SyntaxError"


@pytest.mark.parametrize(
    ("changes", "first", "final"),
    [
        ({}, "1.00", "3.30"),  # entry 30.20, risk 1.00
        ({"side": "sell", "stop": "31.20", "targets": ["29.20"], "target_final": "29.20"}, "1.00", "1.00"),
        # in floats 0.265 - 0.165 is not 0.1
        (
            {
                "buy_min": "0.265",
                "buy_max": "0.265",
                "stop": "0.165",
                "targets": ["0.365"],
                "target_final": "0.3655",
            },
            "1.00",
            "1.01",
        ),
        ({"stop": None}, None, None),
        ({"stop": "30.20"}, None, None),
        ({"stop": "35"}, None, None),  # on the wrong side
        ({"buy_min": None, "buy_max": None}, None, None),
        ({"targets": [], "target_final": None}, None, None),
        ({"buy_max": None, "buy_min": "30.20"}, "1.00", "3.30"),
    ],
)
def test_reward_over_risk_is_exact(logic: Page, changes: dict[str, Any], first: str, final: str) -> None:
    told = logic.logic("model.js", "m.toSignal(arguments[0]).riskReward", signal(**changes))
    assert told == {"first": first, "final": final}


@pytest.mark.parametrize(
    ("warning", "shown"),
    [("ambiguous_number", False), ("odd_characters", False), ("target_side", False), ("missing_date", True)],
)
def test_a_doubtful_price_gives_no_reward_to_risk(logic: Page, warning: str, *, shown: bool) -> None:
    told = logic.logic("model.js", "m.toSignal(arguments[0]).riskReward.final", signal(warnings=[warning]))
    assert (told is not None) == shown


@pytest.mark.parametrize(("direction", "order"), [("desc", "312"), ("asc", "132")])
def test_what_has_no_reward_to_risk_stands_last_in_both_orders(
    logic: Page, direction: str, order: str
) -> None:
    rows = [
        {"id": id_, "ts": 1, "riskReward": {"first": None, "final": final}}
        for id_, final in (("1", "1.50"), ("2", None), ("3", "12.00"))
    ]
    asked = {"column": "rr", "columnDirection": direction}
    told = logic.logic("listing.js", "m.inOrder(arguments[0], arguments[1]).map((s) => s.id)", rows, asked)
    assert "".join(told) == order


def test_the_price_line_runs_from_the_cheapest_to_the_dearest(logic: Page) -> None:
    expression = (
        "import('/assets/model.js').then(({toSignal}) => m.geometry(toSignal(JSON.parse(a)), 0, 1000))"
    )

    def places(**changes: Any) -> Any:
        return logic.driver.execute_async_script(
            "const [a, done] = arguments; import('/assets/priceline.js').then(async (m) => done(await "
            f"{expression}))",
            json.dumps(signal(**changes)),
        )

    buy = places()
    assert buy["stop"] == 0
    assert buy["targets"][-1]["x"] == 1000
    assert [round(x) for x in buy["entry"]] == [209, 256]
    assert [target["number"] for target in buy["targets"]] == [1, 2, 3]
    sell = places(side="sell", stop="31.20", targets=["29.20"], target_final="29.20")
    assert (sell["stop"], sell["targets"][0]["x"]) == (1000, 0)
    assert places(stop=None, targets=[], target_final=None, buy_max="30.10") is None
    assert places(buy_min=None, buy_max=None)["entry"] is None


@pytest.mark.parametrize(
    ("status", "events", "reached"),
    [
        ("open", [], [False, False, False]),
        ("target_1", [], [True, False, False]),
        ("target_2", [], [True, True, False]),
        ("target_final", [], [True, True, True]),
        (
            "stopped",
            [{"kind": "result", "target": "1"}, {"kind": "result", "stop_hit": True}],
            [True, False, False],
        ),
        ("cancelled", [{"kind": "cancel"}, {"kind": "result", "target": "1"}], [False, False, False]),
    ],
)
def test_targets_reached_are_marked(logic: Page, status: str, events: list[Any], reached: list[bool]) -> None:
    given = signal(status=status, events=[{"ts": "1795367880000", **event} for event in events])
    assert logic.logic("model.js", "m.toSignal(arguments[0]).ladder.map((t) => t.reached)", given) == reached


def test_shares_sum_up_to_a_hundred(logic: Page) -> None:
    shares = logic.logic("charts.js", "m.sharesOf(arguments[0])", {"open": 1, "target_1": 1, "stopped": 1})
    assert [share["kind"] for share in shares] == ["target", "open", "stopped"]
    assert sum(share["percent"] for share in shares) == 100


def test_labels_of_close_prices_stand_in_rows(logic: Page) -> None:
    labels = [{"x": x, "text": "134.400", "name": "Alvo"} for x in (10, 30, 50, 400)]
    expression = "(() => {const l = arguments[0]; const rows = m.arrange(l, 500); return [rows, l.map((x) => x.row)]})()"
    assert logic.logic("priceline.js", expression, labels) == [3, [0, 1, 2, 0]]


def test_events_are_read_off_a_stream_wherever_it_is_cut(logic: Page) -> None:
    text = (
        "retry: 3000\r\n\r\n: still here\nid: 5\n\nevent: signal\rid:6\rdata: {\rdata:  é}\r\r"
        "data\n\nevent: lost\n\nid: a\0b\nunknown: x\nretry: 1s\ndata:a:b\n\nid: 9\ndata: cut off\n"
    )
    read = (
        "((text, sizes) => sizes.map((size) => {"
        " const parser = new m.EventParser('4');"
        " const events = [];"
        " for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));"
        " return [events, parser.place, parser.retry_ms]; }))(...arguments)"
    )
    whole, *cut = logic.logic("events.js", read, text, [len(text), 1, 2, 3, 5, 7, 50])
    assert whole == [
        [
            {"kind": "signal", "data": "{\n é}"},
            {"kind": "message", "data": ""},
            {"kind": "message", "data": "a:b"},
        ],
        "6",
        3000,
    ]
    assert all(one == whole for one in cut)


@pytest.mark.parametrize(("excel_br", "divider", "number"), [(False, ",", "-0.5"), (True, ";", "-0,5")])
def test_a_csv_of_the_page_is_one_of_the_api(
    logic: Page, divider: str, number: str, *, excel_br: bool
) -> None:
    line = ['=1+1\n"a", b', "@SUM", "-0.5", "Ações", "-1001", None, "a;b"]
    file = logic.logic("sheet.js", "m.csvOf([arguments[0]], {excelBr: arguments[1]})", line, excel_br)
    (row,) = csv.reader(io.StringIO(file, newline=""), delimiter=divider)
    assert row == ['\'=1+1\n"a", b', "'@SUM", number, "Ações", "-1001", "", "a;b"]


@pytest.mark.parametrize("text", [" =1", "\n=1", "＝1", 'a;"=1+1', 'a\n""=1', "a;＠SUM"])
def test_a_csv_of_the_page_runs_no_more_than_one_of_the_api(logic: Page, text: str) -> None:
    for excel_br in (False, True):
        file = logic.logic("sheet.js", "m.csvOf([[arguments[0]]], {excelBr: arguments[1]})", text, excel_br)
        for separator in ",;":
            cells = [cell for row in csv.reader(io.StringIO(file), delimiter=separator) for cell in row]
            assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "@", "＝", "＠"))]


def test_spans_of_the_reading_count_code_points(logic: Page) -> None:
    spans = [
        {"start": 7, "end": 12, "field": "asset"},
        {"start": 0, "end": 1, "field": "side"},
        {"start": 8, "end": 9, "field": "x"},
    ]
    pieces = logic.logic("detail.js", "m.markedPieces(...arguments)", "🟢Ativo PETR4!", spans)
    assert pieces == [["🟢", "side"], ["Ativo ", None], ["PETR4", "asset"], ["!", None]]


@pytest.mark.parametrize(
    ("known", "level", "word"),
    [
        ({}, "ok", "chegam"),
        ({"health": None}, "wait", ""),
        ({"unreachableSince": 1795367880000}, "bad", "não responde"),
        ({"list": {"failed": False, "staleAt": 1795367880000}}, "bad", "lista abaixo é a de"),
        ({"list": {"failed": True, "staleAt": None}}, "bad", "não pôde ser lida"),
        ({"live": "polling"}, "notice", "transmissão"),
        ({"checks": {"timescaledb": "unhealthy"}}, "bad", "guardar sinais"),
        ({"checks": {"gatewayApi": "degraded", "pollingWorker": "degraded"}}, "caution", "Telegram"),
        ({"checks": {"pollingWorker": "degraded"}}, "caution", "canal"),
        ({"checks": {"redisReplica": "degraded"}}, "notice", "mais devagar"),
        ({"checks": {"actors": "unhealthy"}}, "bad", "sendo reiniciada"),
        ({"checks": {"somethingNew": "degraded"}}, "caution", "somethingNew"),
        ({"details": {"deadLetters": {"waiting": 2}}}, "notice", "2 mensagens"),
        ({"details": {"historicalSync": {"completed": False}}}, "notice", "histórico"),
        (
            {"details": {"pollingWorker": {"channels": [{"newestMessageAgeSeconds": 500_000}]}}},
            "notice",
            "ligação com o Telegram",
        ),
    ],
)
def test_the_verdict_follows_what_is_known(logic: Page, known: dict[str, Any], level: str, word: str) -> None:
    health = {**HEALTHY, "checks": {**HEALTHY["checks"], **known.pop("checks", {})}}
    failing = {
        name: {"since": SINCE, "error": "it broke"} for name, s in health["checks"].items() if s != "healthy"
    }
    health["details"] = {**failing, **known.pop("details", {})}
    given = {
        "health": health,
        "unreachableSince": None,
        "keyWanted": False,
        "list": {"failed": False, "staleAt": None},
        "live": "live",
        "now": 1795367880000,
        **known,
    }
    told = logic.logic("trust.js", "m.judge(arguments[0])", given)
    assert told["level"] == level
    assert word in " ".join(told["reasons"])


LIST_OF_ONE = """(async () => {
    const send = window.fetch, json = (data, headers) => new Response(JSON.stringify({data, nextCursor: null}), {headers});
    window.fetch = async (path, {headers}) =>
        String(path).includes('updated_since') ? json([{...arguments[0], status: 'stopped', valid: false}]) :
        headers['If-None-Match'] ? new Response(null, {status: 304}) : json([], {ETag: '"empty"'});
    const list = new m.SignalList({onChange() {}, onNews() {}});
    await list.ask({status: 'valid'});
    list.add((await import('/assets/model.js')).toSignal(arguments[0]));
    const shown = [list.rows.map(({status}) => status)];
    await list.refresh().finally(() => (window.fetch = send));
    return [...shown, list.rows.map(({status}) => status)];
})()"""


def test_a_signal_that_ends_before_the_list_is_asked_again_does_not_stay_as_it_came(logic: Page) -> None:
    """The list is then what it was before the signal came, and its ETag is the same."""
    came = signal(status="waiting", valid=True, updated_at=SINCE)
    assert logic.logic("list.js", LIST_OF_ONE, came) == [["waiting"], ["stopped"]]


def test_both_languages_have_the_same_words(logic: Page) -> None:
    keys = [logic.logic(f"words.{name}.js", "Object.keys(m.words)") for name in ("pt", "en")]
    assert sorted(keys[0]) == sorted(keys[1])
    kinds = [
        logic.logic(
            f"words.{name}.js",
            "Object.entries(m.words).map(([k, w]) => [k, typeof w === 'function' ? w.length : 0])",
        )
        for name in ("pt", "en")
    ]
    assert sorted(kinds[0]) == sorted(kinds[1])


def test_what_prices_say_is_told_in_r_with_its_reasons(logic: Page) -> None:
    assert logic.logic("market_panel.js", "[m.inR('1.5'), m.inR('-0.25')]") in (
        ["+1,50 R", "−0,25 R"],
        ["+1.50 R", "−0.25 R"],
    )
    assert logic.logic("market_panel.js", "m.marketPanel({outcome: null, market: null})") is None
    outcome = {
        "state": "unclear",
        "reason": "no_entry",
        "reached": [],
        "same_bar": False,
        "claim": "contradicts",
    }
    for state, valid, marked in (
        ("stopped", True, True),
        ("stopped", False, False),
        ("running", True, False),
    ):
        signal = json.dumps({"outcome": outcome | {"state": state, "reason": None}, "valid": valid})
        told = logic.logic("market_panel.js", f"m.marketTag({signal})?.textContent ?? null")
        assert (told is not None) is marked
    market = dict.fromkeys(Indicators().values) | {"rsi_14": "61.25", "last_close": "30.10"}
    market["missing"] = {name: "too_few_bars" for name, value in market.items() if value is None}
    told = logic.logic(
        "market_panel.js", f"m.marketPanel({json.dumps({'outcome': outcome, 'market': market})}).textContent"
    )
    assert "61" in told
    assert "undefined" not in told
    assert "market." not in told, "each word is known"
    assert "Sem probabilidade." in told
    contributions = [
        {"name": "rsi", "effect": "0.51"},
        {"name": "channel", "effect": "-0.05"},
        {"name": "new", "effect": "-0.2"},
    ]
    score = {"probability": "0.5712", "base_rate": "0.4", "contributions": contributions}
    told = logic.logic(
        "market_panel.js",
        f"m.marketPanel({json.dumps({'outcome': outcome, 'market': None, 'score': score})}).textContent",
    )
    assert "57%" in told.replace("\xa0", "")
    for words in ("IFRaumenta muito", "Histórico do canalreduz um pouco", "newreduz"):
        assert words in told
