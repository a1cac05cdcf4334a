"""The description of the events: valid by AsyncAPI's own schema, and true for what is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from jsonschema_rs import Draft7Validator, ValidationError

from ops.events.asyncapi import EVENT_TYPES
from ops.events.cloud_events import CloudEvents
from ops.stores import RETENTION
from storage.broker.values import EVENTS
from storage.postgres.signals import Signals
from tests.support.clients import databases
from tests.support.servers import need_client_tools
from tests.support.serving import Served, serving
from tests.support.stack import eventually

FORMS = CloudEvents(database="signals", daemon="d")
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    """Serve a signal."""
    with serving(module_database_url) as running:
        running.commit(1)
        eventually(lambda: running.engine.get("/signals").json()["data"])
        yield running


@pytest.fixture(scope="module")
def document(served: Served) -> Any:
    return served.engine.get("/asyncapi.json").json()


def test_the_document_is_valid_and_names_each_type_and_the_exchange(document: Any) -> None:
    place = need_client_tools() / "node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
    Draft7Validator(json.loads(place.read_text())).validate(document)
    assert {message["name"] for message in document["components"]["messages"].values()} == set(EVENT_TYPES)
    assert {channel["bindings"]["amqp"]["exchange"]["name"] for channel in document["channels"].values()} == {
        EVENTS
    }


def gone(replaced_by: int | None) -> dict[str, Any]:
    key = {"number": 9, "id": 1, "channel": "-1001", "message_id": "1", "position": 0}
    return {**key, "superseded_at": NOW, "replaced_by": replaced_by}


def published(url: str) -> dict[str, dict[str, Any]]:
    """Return an event of each type, as it is sent."""
    with databases() as open_database:
        changes = Signals(open_database(url), retention=RETENTION).committed(
            after=(0, 0), upto=2**62, limit=10
        )
    (row,) = changes.rows
    events = (
        FORMS.of_change({**row, "is_new": True}),
        FORMS.of_change({**row, "is_new": False}),
        FORMS.of_change(gone(2)),
        FORMS.of_change(gone(None)),
        FORMS.of_channel("-1001", {"change": "labelled", "label": "Sala"}, identity="9", at=NOW),
        FORMS.of_health("degraded", None, {"broker": "degraded"}, at=NOW),
    )
    return {event["type"]: event for event in (json.loads(sent.body, parse_float=Decimal) for sent in events)}


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_what_is_published_is_what_is_described(module_database_url: str, document: Any, kind: str) -> None:
    event = json.loads(json.dumps(published(module_database_url)[kind], default=float))
    (message,) = (m for m in document["components"]["messages"].values() if m["name"] == kind)
    schema = {**message["payload"], "components": document["components"]}
    checker = Draft7Validator(schema, validate_formats=True)
    checker.validate(event)
    assert (
        event["data"].keys()
        <= document["components"]["schemas"][EVENT_TYPES[kind][0].__name__]["properties"].keys()
    )
    del event["data"]
    with pytest.raises(ValidationError):
        checker.validate(event)
