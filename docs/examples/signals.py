"""Signals with Python's standard library alone.

python signals.py newest          the five newest
python signals.py follow          each event as it comes; ends with Ctrl-C
python signals.py csv FILE        all signals as a file

TP_CAPITAL_URL is the address of the service. TP_CAPITAL_API_KEY is its key, if reads need one.
"""

import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from http.client import HTTPException
from typing import Any

API = os.environ.get("TP_CAPITAL_URL", "http://127.0.0.1:4008") + "/api/v1"
KEY = os.environ.get("TP_CAPITAL_API_KEY")


def ask(path: str, **headers: str) -> Any:
    """Return the open answer. A stream sends something every 15 seconds, so a minute of silence is a dead connection."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()} | (
        {"X-API-Key": KEY} if KEY else {}
    )
    return urllib.request.urlopen(urllib.request.Request(API + path, headers=sent), timeout=60)


def newest() -> None:
    """Print the five newest signals. Prices are decimals with exactly the digits of the message."""
    with ask("/signals?limit=5") as answer:
        for signal in json.load(answer, parse_float=Decimal)["data"]:
            print(signal["ts_iso"], signal["side"], signal["asset"], signal["buy_min"], signal["status"])


def events() -> Iterator[tuple[str, Any]]:
    """Yield the names and data of events for ever, over lost connections too."""
    last = ""
    while True:
        try:
            with ask("/signals/stream", **({"Last_Event_ID": last} if last else {})) as stream:
                name = ""
                for line in stream:
                    field, _, value = line.decode().rstrip("\n").partition(": ")
                    if field == "id":
                        last = value
                    elif field == "event":
                        name = value
                    elif field == "data":
                        yield name, json.loads(value, parse_float=Decimal)
        except (OSError, HTTPException) as error:
            print("the stream is lost, and tried again:", error, file=sys.stderr)
        time.sleep(3)


def follow() -> None:
    """Print each event. After `reset` the list must be read again."""
    for name, data in events():
        print(name, data.get("id", ""), data.get("asset", ""), flush=True)
        if name == "reset":
            newest()


def csv(path: str) -> None:
    """Save all signals. A file that breaks off raises an error."""
    with ask("/signals.csv") as answer, open(path, "wb") as file:
        shutil.copyfileobj(answer, file)


match sys.argv[1:]:
    case ["newest"]:
        newest()
    case ["follow"]:
        follow()
    case ["csv", path]:
        csv(path)
    case _:
        sys.exit(__doc__)
