"""The OpenAPI 3.1 document, built from the operations and their models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ops.http.kit.answers import JSON
from ops.http.kit.operations import API_PREFIX, Answer, Operation
from ops.http.kit.parameters import Parameters
from ops.http.kit.problems import Problem
from ops.version import VERSION

__all__ = ["openapi_document"]

_REF = "#/components/schemas/{model}"
_ID = {"description": "its number", "type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_DESCRIPTION = (
    "Trading signals read from Telegram channels. Prices are numbers with exactly the digits of the message. "
    "Errors are problem documents (RFC 9457). Each path below `/api/v1` is also served without that prefix, as the former "
    "service did; there the list `/signals` shows the completed history import too, as an entry with id 0. Enumerations "
    "may get further values in later versions."
)

#: the groups of operations in the order in which a reader needs them
_TAGS = {
    "signals": "Signals as they were read, and what their channels said later.",
    "channels": "The channels that are read.",
    "alerts": "Who is told of what, and what was sent.",
    "control": "Reading the gateway now, and the import of histories.",
    "dead letters": "Messages that could not be read or stored.",
    "logs": "What the service did.",
    "probes": "Health and metrics for monitoring.",
    "documentation": "This documentation and the files of the pages.",
}


def openapi_document(
    operations: Iterable[Operation], *, key_for_writes: bool, key_for_reads: bool
) -> dict[str, Any]:
    """Return the document. It leaves aliases out. The two flags say which requests need the X-API-Key header."""
    served = list(operations)
    paths_served = {operation.path for operation in served}
    listed = [operation for operation in served if API_PREFIX + operation.path not in paths_served]
    listed.sort(key=lambda operation: list(_TAGS).index(operation.tag))
    schemas = _schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        write = operation.method != "GET"
        entry = _operation(operation, schemas)
        entry["security"] = [{"apiKey": []}] if (key_for_writes if write else key_for_reads) else []
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tp-capital",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {"problem": _problem("What went wrong")},
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
    }


def _operation(operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [
            *(
                _path_parameter(name, dict(operation.path_schemas.get(name, _ID)))
                for name in _path_names(operation)
            ),
            *(_query_parameters(operation.query, schemas) if operation.query else []),
            *(
                {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}}
                for name, meaning in operation.header_parameters.items()
            ),
        ],
        "responses": {
            **{str(status): _answer(answer) for status, answer in operation.answers.items()},
            **{str(status): _problem(HTTPStatus(status).phrase) for status in operation.problems},
            "default": {"$ref": "#/components/responses/problem"},
        },
    }
    if operation.body is not None:
        required = any(field.is_required() for field in operation.body.model_fields.values())
        entry["requestBody"] = {"required": required, "content": {JSON: {"schema": _schema(operation.body)}}}
    return entry


def _path_names(operation: Operation) -> list[str]:
    return re.findall(r"{(\w+)}", operation.path)


def _path_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    description = schema.pop("description")
    return {"name": name, "in": "path", "description": description, "required": True, "schema": schema}


def _query_parameters(model: type[Parameters], schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    # an enumeration has the same type in parameters and answers
    named = {tuple(schema["enum"]): name for name, schema in schemas.items() if "enum" in schema}
    properties = model.model_json_schema(by_alias=True)["properties"]
    return [
        _query_parameter(name, dict(schema), named, may_be_empty=name not in model.never_empty)
        for name, schema in properties.items()
    ]


def _query_parameter(
    name: str, schema: dict[str, Any], named: Mapping[tuple[str, ...], str], *, may_be_empty: bool
) -> dict[str, Any]:
    description = schema.pop("description", "")
    schema.pop("title", None)
    # None means "not given": a query string has no null, so it is no default to show
    if schema.get("default", ...) in (None, []):
        del schema["default"]
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    for kind in schema.get("anyOf", [schema]):
        several = kind.get("type") == "array"
        value = kind["items"] if several else kind
        if value.get("type") == "string" and not {"enum", "pattern", "format", "const"} & value.keys():
            # PostgreSQL cannot store the first character, and commas separate several values
            value["pattern"] = "^[^\\u0000,]*$" if several else "^[^\\u0000]*$"
        if (known := named.get(tuple(value.get("enum", ())))) is not None:
            del value["enum"], value["type"]
            value["$ref"] = _REF.format(model=known)
    parameter = {"name": name, "in": "query", "description": description, "schema": schema}
    # forms send empty fields as empty values; these count as not given
    return parameter | ({"allowEmptyValue": True} if may_be_empty else {})


def _answer(answer: Answer) -> dict[str, Any]:
    entry: dict[str, Any] = {"description": answer.description}
    if answer.body:
        entry["content"] = {media_type: {"schema": _schema(body)} for media_type, body in answer.body.items()}
    if answer.headers:
        entry["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}}
            for name, meaning in answer.headers.items()
        }
    if answer.links:
        entry["links"] = {name: dict(link) for name, link in answer.links.items()}
    return entry


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": _schema(Problem)}}}


def _schema(body: type[BaseModel] | Mapping[str, object]) -> dict[str, object]:
    return dict(body) if isinstance(body, Mapping) else {"$ref": _REF.format(model=body.__name__)}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the schemas of all models in use, including nested ones."""
    models: set[type[BaseModel]] = {Problem}
    for operation in operations:
        named = [
            *(body for answer in operation.answers.values() for body in answer.body.values()),
            operation.body,
        ]
        models |= {body for body in named if isinstance(body, type)}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    schemas: dict[str, Any] = definitions["$defs"]
    for schema in schemas.values():
        for about in schema.get("properties", {}).values():
            # a field that is left out is not null; generators would take it for one that is always there
            if about.get("default", ...) is None:
                del about["default"]
    return schemas
