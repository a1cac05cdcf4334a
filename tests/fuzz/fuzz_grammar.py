"""Coverage-guided fuzzing of the grammar: no input may raise or take long.

    make fuzz FUZZ_SECONDS=600

Uses atheris where it is installed (`pip install atheris`), else hypothesis's own generator. A short run of
the same checks is part of the tests (tests/unit/grammar/test_properties.py). Ends with exit code 1 and the
input printed as ASCII when one breaks a promise.
"""

import argparse
import json
import random
import sys
import tempfile
import time
import unicodedata
from contextlib import nullcontext
from pathlib import Path

from engine.model import FirstHalf, Kind, Market, Side

try:
    import atheris
except ImportError:
    atheris = None

# what is measured must be instrumented while it is imported
with nullcontext() if atheris is None else atheris.instrument_imports(include=["actors.grammar"]):
    from actors.grammar import read

#: a text of Telegram's 4,096 characters is read in about 10 ms; this much more is no longer linear
SLOW_S = 0.5
EXAMPLES = tuple(
    Path(__file__).parents[1] / "unit" / "grammar" / name for name in ("examples.jsonl", "examples2.jsonl")
)
MARKETS = tuple(Market)


def check(text: str, market: Market = Market.B3) -> None:
    """Read one text, as the first message and as the second half of one, and check what is promised of any."""
    check_reading(text, market, None)
    check_reading(text, market, FirstHalf(side=Side.SELL, asset="PETR4"))


def check_reading(text: str, market: Market, half_of: FirstHalf | None) -> None:
    began_s = time.process_time()  # a busy machine makes no text slow
    reading = read(text, market=market, half_of=half_of)
    seconds = time.process_time() - began_s
    assert seconds < SLOW_S, f"{seconds:.2f} s for {len(text)} characters"
    assert (reading.kind is Kind.SIGNAL) == bool(reading.signals)
    for signal in reading.signals:
        for price in (signal.buy_min, signal.buy_max, signal.stop, signal.target_final, *signal.targets):
            assert price is None or price > 0
        for span in signal.provenance:
            assert 0 <= span.start < span.end <= len(text)


def examples() -> list[tuple[str, Market]]:
    """Return the texts of the labelled messages with their markets."""
    rows = [json.loads(line) for path in EXAMPLES for line in path.read_text("utf-8").split("\n") if line]
    return [(row["text"], Market(row.get("market", "b3"))) for row in rows if row["text"]]


def words() -> list[str]:
    """Return the pieces that random texts are made of: the words and marks of real messages."""
    pieces = {piece for text, _ in examples() for line in text.split("\n") for piece in line.split(" ")}
    marks = [
        "\n",
        " ",
        ":",
        "-",
        "/",
        ",",
        ".",
        "(",
        ")",
        "?",
        "✅",
        "%",
        "\u200b",
        "\u0301",
        "\ud800",
        "\0",
        "1",
        "20",
    ]
    return sorted(pieces) + marks * 20


def fuzz_by_pieces(seconds: float, seed: int) -> int:
    """Fuzz with random mixtures of pieces; return how many texts were read."""
    chance, pieces = random.Random(seed), words()
    count, ends_at = 0, time.monotonic() + seconds
    while time.monotonic() < ends_at:
        size = chance.choice((3, 10, 30, 100, 1000))
        text = "".join(
            chance.choice(pieces) + chance.choice((" ", " ", "\n", ""))
            for _ in range(chance.randint(1, size))
        )
        if chance.random() < 0.1:
            text = unicodedata.normalize(chance.choice(("NFD", "NFKD", "NFC")), text)
        try:
            check(text[:20_000], chance.choice(MARKETS))
        except Exception:
            print(f"broken by {text[:20_000].encode('unicode_escape').decode()}", file=sys.stderr)
            raise
        count += 1
    return count


def fuzz_by_coverage(seconds: float) -> None:
    """Fuzz with atheris: inputs that reach new branches are kept and varied further."""

    def one(data: bytes) -> None:
        # the first byte names the market, the others are the text
        check(
            data[1:].decode("utf-8", "surrogateescape"),
            MARKETS[data[0] % len(MARKETS)] if data else Market.B3,
        )

    with tempfile.TemporaryDirectory() as folder:
        corpus, dictionary = Path(folder, "corpus"), Path(folder, "words.dict")
        corpus.mkdir()
        for n, (text, market) in enumerate(examples()):
            data = bytes([MARKETS.index(market)]) + text.encode("utf-8", "surrogateescape")
            Path(corpus, str(n)).write_bytes(data)
        dictionary.write_text("".join(f'"{escaped(word)}"\n' for word in sorted(set(words())) if word))
        options = [f"-max_total_time={int(seconds)}", "-max_len=4096", f"-dict={dictionary}"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], one)
        atheris.Fuzz()


def escaped(word: str) -> str:
    """Write a word for the fuzzer's dictionary."""
    return "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    if atheris is None:
        count = fuzz_by_pieces(arguments.seconds, arguments.seed)
        print(
            f"{count} texts read in {arguments.seconds:g} s, seed {arguments.seed}: none raised, none was slow"
        )
    else:
        fuzz_by_coverage(arguments.seconds)


if __name__ == "__main__":
    main()
