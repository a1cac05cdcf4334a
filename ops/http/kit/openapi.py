"""The OpenAPI 3.1 document, built from the operations and their models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ops.http.kit.answers import JSON
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import Parameters
from ops.http.kit.problems import Problem
from ops.version import VERSION

__all__ = ["openapi_document"]

_REF = "#/components/schemas/{model}"
_ID = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_DESCRIPTION = (
    "Trading signals read from Telegram channels. Prices are numbers with exactly the digits of the message. "
    "Errors are problem documents (RFC 9457). The paths without `/api/v1` are those of the former service."
)


def openapi_document(
    operations: Iterable[Operation], *, key_for_writes: bool, key_for_reads: bool
) -> dict[str, Any]:
    """Return the document. The two flags say which requests need the X-API-Key header."""
    listed = list(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        write = operation.method != "GET"
        entry = _operation(operation)
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
        "paths": paths,
        "components": {
            "schemas": _schemas(listed),
            "responses": {"problem": _problem("What went wrong")},
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [
            *(
                {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "schema": operation.path_schemas.get(name, _ID),
                }
                for name in _path_names(operation)
            ),
            *(_query_parameters(operation.query) if operation.query else []),
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


def _query_parameters(model: type[Parameters]) -> list[dict[str, Any]]:
    properties = model.model_json_schema(by_alias=True)["properties"]
    return [
        _query_parameter(name, dict(schema), may_be_empty=name not in model.never_empty)
        for name, schema in properties.items()
    ]


def _query_parameter(name: str, schema: dict[str, Any], *, may_be_empty: bool) -> dict[str, Any]:
    description = schema.pop("description", "")
    schema.pop("title", None)
    # None means "not given": a query string has no null, so it is no default to show
    if schema.get("default", ...) is None:
        del schema["default"]
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    kinds = schema.pop("anyOf", None) or [{key: schema.pop(key) for key in list(schema) if key != "default"}]
    for kind in kinds:
        if kind.get("type") == "string" and not {"enum", "pattern", "format", "const"} & kind.keys():
            kind["pattern"] = "^[^\\u0000]*$"  # PostgreSQL cannot store that character
        if kind.get("type") == "array":
            # several values, and commas separate values too
            kind["items"] = {"pattern": "^[^\\u0000,]*$", **kind["items"]}
            may_be_empty = False
    # forms send empty fields as empty values; these count as not given
    empty = [{"type": "string", "maxLength": 0}] if may_be_empty else []
    schema["anyOf"] = [*kinds, *empty]
    return {"name": name, "in": "query", "description": description, "schema": schema}


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
    return schemas
