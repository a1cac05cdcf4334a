"""What holds for every message: signals written in any of the catalogue's spellings read back as themselves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.grammar import read
from actors.grammar.reasons import REASONS
from actors.grammar.text import prepare
from engine.model import Kind, Reading, Side, Signal

ASSETS = st.sampled_from(
    ["PETR4", "TAEE11", "A1MD34", "B3SA3", "WEGE3F", "PETRL315W2", "BOVAX158", "CYREL280"]
)
ASSET_LABELS = st.sampled_from(
    ["Ativo", "PAPEL", "Ticker", "ação", "Ac\u0327a\u0303o", "**Código**", "📊 contrato", "Asset"]
)
BUY_LABELS = st.sampled_from(
    ["Compra", "COMPRAR", "compre", "Buy", "long", "buy limit", "💰 Compra", "Cоmpra".replace("о", "o")]
)
SELL_LABELS = st.sampled_from(["Venda", "VENDER", "venda a descoberto", "Sell", "short", "sell stop"])
STOP_LABELS = st.sampled_from(["Stop", "STOP LOSS", "stop-loss", "SL", "loss", "🛑 Stop", "__Stop__"])
TARGET_LABELS = st.sampled_from(
    [
        "Alvo {}",
        "ALVO{}",
        "TP {}",
        "tp{}",
        "Objetivo {}",
        "{}º alvo",
        "{}° target",
        "Take profit {}",
        "alvo ({})",
    ]
)
FINAL_LABELS = st.sampled_from(
    ["Alvo final", "ALVO GERAL", "Último alvo", "TP final", "objetivo final", "final target"]
)
COLONS = st.sampled_from([": ", " = ", " : ", ":\u00a0", ":\n", ":"])
JOINERS = st.sampled_from(
    [" a ", " à ", " até ", " to ", " and ", " e ", " - ", "-", " – ", "—", " / ", " ~ "]
)
CURRENCIES = st.sampled_from(["", "R$ ", "R$", "US$ ", "BRL "])
TYPES = st.sampled_from(
    [
        ("swing trade", "Swing Trade"),
        ("#DayTrade", "Day Trade"),
        ("🔵 Day-Trade", "Day Trade"),
        ("Position", "Position"),
        ("Scalping", "Scalping"),
        ("Buy & Hold", "Buy & Hold"),
        ("", "Swing Trade"),
    ]
)
VALIDITIES = st.sampled_from(
    [
        ("", None),
        ("A ordem ficará posicionada no Book até dia 14/11", "14/11"),
        ("Validade: 5/1/26", "05/01/2026"),
        ("Ordem válida até 1º de março de 2026", "01/03/2026"),
    ]
)
BREAKS = st.sampled_from(["\n", "\r\n", "\u2028", "\n\n"])


def written(price: Decimal, mark: str) -> str:
    return str(price).replace(".", mark)


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, Signal]:
    """Draw a signal of rising prices, and one of the ways to write it."""
    places = draw(st.sampled_from([2, 2, 2, 1, 4]))
    mark = draw(st.sampled_from(",."))
    side = draw(st.sampled_from(Side))
    steps = sorted(draw(st.sets(st.integers(0, 400), min_size=7, max_size=7)))
    # no more than twice the lowest, so that nothing looks far
    cents = [step + 600 for step in steps]
    level = [Decimal(cent).scaleb(-places).quantize(Decimal(1).scaleb(-places)) for cent in cents]
    if side is Side.SELL:
        level.reverse()
    stop, low, high, *targets, final = level
    low, high = sorted((low, high))
    has_final, has_stop = draw(st.booleans()), draw(st.booleans())
    asset, (type_text, type_name), (validity, date) = draw(ASSETS), draw(TYPES), draw(VALIDITIES)

    def price(value: Decimal) -> str:
        return draw(CURRENCIES) + written(value, mark)

    entry = price(low) + draw(JOINERS) + price(high)
    lines = [
        f"{draw(ASSET_LABELS)}{draw(st.sampled_from([': ', ' ', ' - ']))}{draw(st.sampled_from([asset, asset.lower(), '#' + asset]))}",
        draw(BUY_LABELS if side is Side.BUY else SELL_LABELS) + draw(COLONS) + entry,
    ]
    rows = [
        draw(TARGET_LABELS).format(i) + draw(COLONS) + price(target) for i, target in enumerate(targets, 1)
    ]
    if has_final:
        rows.append(draw(FINAL_LABELS) + draw(COLONS) + price(final))
    if has_stop:
        rows.append(draw(STOP_LABELS) + draw(COLONS) + price(stop))
    lines += draw(st.permutations(rows))
    text = draw(BREAKS).join([type_text, *lines, validity])
    warnings = () if has_stop else ("missing_stop",)
    signal = Signal(
        position=0,
        side=side,
        asset=asset,
        signal_type=type_name,
        buy_min=low,
        buy_max=high,
        targets=tuple(targets),
        target_final=final if has_final else targets[-1],
        stop=stop if has_stop else None,
        valid_until=date,
        warnings=warnings,
    )
    return text, signal


def bare(reading: Reading) -> Reading:
    return replace(reading, signals=tuple(replace(signal, provenance=()) for signal in reading.signals))


@settings(max_examples=200, deadline=None)
@given(messages())
def test_a_signal_in_any_spelling_reads_back_as_itself(message: tuple[str, Signal]) -> None:
    text, signal = message
    reading = read(text)
    assert reading.kind is Kind.SIGNAL
    assert bare(reading).signals == (signal,)
    assert str(reading.signals[0].buy_min) == str(signal.buy_min)


@settings(max_examples=100, deadline=None)
@given(messages())
def test_a_prepared_text_reads_as_the_raw_one(message: tuple[str, Signal]) -> None:
    raw, _ = message
    assert bare(read(prepare(raw).text)) == bare(read(raw))


@settings(max_examples=100, deadline=None)
@given(messages())
def test_a_cancelled_signal_is_no_signal(message: tuple[str, Signal]) -> None:
    text, signal = message
    for line in ("CANCELADO", "Cancelem a ordem.", "Operação cancelada!"):
        reading = read(f"{line}\n{text}")
        assert (reading.kind, reading.signals) == (Kind.CANCEL, ())
        assert [event.asset for event in reading.events] == [signal.asset]


@settings(max_examples=100, deadline=None)
@given(messages())
def test_spans_hold_what_was_read(message: tuple[str, Signal]) -> None:
    raw, _ = message
    (signal,) = read(raw).signals
    fields = {span.field: span for span in signal.provenance}
    for name in ("buy_min", "buy_max", "target_final", "stop"):
        value = getattr(signal, name)
        if value is None:
            assert name not in fields
            continue
        span = fields[name]
        assert Decimal(raw[span.start : span.end].replace(",", ".")) == value == Decimal(span.value)
    assert raw[fields["asset"].start : fields["asset"].end].upper() == signal.asset


PIECES = st.sampled_from(
    [
        "compra",
        "venda",
        "alvo",
        "alvos",
        "1",
        "2)",
        "1º",
        "tp",
        "stop",
        "gain",
        "final",
        "PETR4",
        "VALE3",
        "PETRL302",
        "ativo",
        ":",
        "=",
        "-",
        "/",
        "(",
        ")",
        ",",
        ".",
        "?",
        "!",
        ";",
        "\n",
        "22,40",
        "1.250",
        "8/9",
        "+5%",
        "3%",
        "R$",
        "mil",
        "até",
        "a",
        "e",
        "se",
        "não",
        "cancelar",
        "cancelada",
        "ordem",
        "atingido",
        "subir",
        "no",
        "para",
        "entrada",
        "teste",
        "de",
        "sinal",
        "✅",
        "🟢",
        "**",
        "\u200b",
        "́",
        "lote",
        "ações",
        "100",
        "swing",
        "day",
        "trade",
        "válida",
        "14/11",
        "resultado",
        "atual",
        "sem",
        "com",
        "�",
        "\x00",
        "ﷺ",
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(PIECES, max_size=40).map(" ".join),
        st.lists(PIECES, max_size=40).map("".join),
    )
)
def test_any_text_is_read_the_same_every_time(text: str) -> None:
    reading = read(text)
    assert reading == read(text)
    assert reading.reason in REASONS
    assert (reading.kind is Kind.SIGNAL) == bool(reading.signals)
    for signal in reading.signals:
        assert list(signal.warnings) == sorted(set(signal.warnings))
        assert signal.buy_min is None or signal.buy_max is None or signal.buy_min <= signal.buy_max
        assert all(0 <= span.start < span.end <= len(text) for span in signal.provenance)
