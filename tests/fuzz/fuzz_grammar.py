"""Coverage-guided fuzzing of the grammar: no input may raise or take long.

    make fuzz FUZZ_SECONDS=600

Uses atheris where it is installed (`pip install atheris`), else hypothesis's own generator. A short run of
the same checks is part of the tests (tests/unit/parser/test_properties.py). Ends with exit code 1 and the
input printed as ASCII when one breaks a promise.
"""

import argparse
import json
import random
import sys
import time
import unicodedata
from pathlib import Path

from actors.parser import read
from engine.model import Kind

#: a text of Telegram's 4,096 characters is read in about 10 ms; this much more is no longer linear
SLOW_S = 0.5
EXAMPLES = Path(__file__).parents[1] / "unit" / "parser" / "examples.jsonl"


def check(text: str) -> None:
    """Read one text and check what is promised of any."""
    began_s = time.perf_counter()
    reading = read(text)
    seconds = time.perf_counter() - began_s
    assert seconds < SLOW_S, f"{seconds:.2f} s for {len(text)} characters"
    assert (reading.kind is Kind.SIGNAL) == bool(reading.signals)
    for signal in reading.signals:
        for price in (signal.buy_min, signal.buy_max, signal.stop, signal.target_final, *signal.targets):
            assert price is None or price > 0
        for span in signal.provenance:
            assert 0 <= span.start < span.end <= len(text)


def words() -> list[str]:
    """Return the pieces that random texts are made of: the words and marks of real messages."""
    texts = [json.loads(line)["text"] for line in EXAMPLES.read_text("utf-8").splitlines()]
    pieces = {piece for text in texts for line in text.split("\n") for piece in line.split(" ")}
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
            check(text[:20_000])
        except Exception:
            print(f"broken by {text[:20_000].encode('unicode_escape').decode()}", file=sys.stderr)
            raise
        count += 1
    return count


def fuzz_by_coverage(seconds: float) -> None:
    """Fuzz with atheris: inputs that reach new branches are kept and varied further."""
    import atheris

    atheris.instrument_all()
    pieces = words()

    def one(data: bytes) -> None:
        source = atheris.FuzzedDataProvider(data)
        parts: list[str] = []
        while source.remaining_bytes() and len(parts) < 400:
            if source.ConsumeBool():
                parts.append(pieces[source.ConsumeIntInRange(0, len(pieces) - 1)])
            else:
                parts.append(source.ConsumeUnicode(8))
        check("".join(parts))

    atheris.Setup([sys.argv[0], f"-max_total_time={int(seconds)}", "-max_len=4096"], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    try:
        import atheris  # noqa: F401
    except ImportError:
        count = fuzz_by_pieces(arguments.seconds, arguments.seed)
        print(
            f"{count} texts read in {arguments.seconds:g} s, seed {arguments.seed}: none raised, none was slow"
        )
    else:
        fuzz_by_coverage(arguments.seconds)


if __name__ == "__main__":
    main()
