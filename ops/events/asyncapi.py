"""The AsyncAPI 3.0 document of the events, built from the models of their data."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ops.events.cloud_events import CONTENT_TYPE
from ops.events.models import ChannelChange, HealthChange, ReplacedSignal
from ops.http.routes.signal_models import SignalObject
from ops.version import VERSION
from storage.broker.values import EVENTS

__all__ = ["EVENT_TYPES", "asyncapi_document"]

#: the data of each type of event, and when it happens
EVENT_TYPES: dict[str, tuple[type[BaseModel], str]] = {
    "signal.created": (SignalObject, "A signal was stored"),
    "signal.updated": (SignalObject, "The status, the events or the present values of a signal have changed"),
    "signal.superseded": (ReplacedSignal, "Another reading of its message put another signal in its place"),
    "signal.removed": (ReplacedSignal, "Its message is no signal any more"),
    "channel.changed": (ChannelChange, "A channel was added, removed or given another label"),
    "health.changed": (HealthChange, "The health of a daemon has changed"),
}
_REF = "#/components/schemas/{model}"
_CHANNEL = {"description": "id of the Telegram channel", "examples": ["-1001649127710"]}
_ENVELOPE = {
    "specversion": {"const": "1.0"},
    "id": {
        "type": "string",
        "description": "the same each time that the event is published; new for each event of a source",
    },
    "source": {"type": "string", "format": "uri-reference"},
    "subject": {"type": "string", "description": "number of the signal, or id of the channel"},
    "time": {"type": "string", "format": "date-time", "description": "when it happened"},
    "datacontenttype": {"const": "application/json"},
    "partitionkey": {"type": "string", "description": "id of the channel, within which the order is kept"},
}
_REQUIRED = ("specversion", "id", "source", "type", "time", "datacontenttype", "data")


def asyncapi_document() -> dict[str, Any]:
    """Return the document. The engine sends; who follows the events receives."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tp-capital events",
            "version": VERSION,
            "description": "What happens to trading signals, as CloudEvents through RabbitMQ: at least once, in the order of commits.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {_name(kind): _channel(kind) for kind in EVENT_TYPES},
        "operations": {f"send{_name(kind)}": _operation(kind) for kind in EVENT_TYPES},
        "components": {
            "messages": {_name(kind): _message(kind) for kind in EVENT_TYPES},
            "schemas": _schemas(),
        },
    }


def _name(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("."))


def _channel(kind: str) -> dict[str, Any]:
    of_channel = kind != "health.changed"
    return {
        "address": f"{kind}.{{channel}}" if of_channel else kind,
        **({"parameters": {"channel": _CHANNEL}} if of_channel else {}),
        "messages": {_name(kind): {"$ref": f"#/components/messages/{_name(kind)}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EVENTS, "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _operation(kind: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{_name(kind)}"},
        "summary": EVENT_TYPES[kind][1],
        "messages": [{"$ref": f"#/channels/{_name(kind)}/messages/{_name(kind)}"}],
        "bindings": {"amqp": {"deliveryMode": 2, "bindingVersion": "0.3.0"}},
    }


def _message(kind: str) -> dict[str, Any]:
    return {
        "name": kind,
        "summary": EVENT_TYPES[kind][1],
        "contentType": CONTENT_TYPE,
        "payload": {
            "type": "object",
            "required": list(_REQUIRED),
            "properties": {
                **_ENVELOPE,
                "type": {"const": kind},
                "data": {"$ref": _REF.format(model=EVENT_TYPES[kind][0].__name__)},
            },
        },
    }


def _schemas() -> dict[str, Any]:
    models = dict.fromkeys(model for model, _ in EVENT_TYPES.values())
    _, schemas = models_json_schema([(model, "serialization") for model in models], ref_template=_REF)
    found: dict[str, Any] = schemas["$defs"]
    return found
