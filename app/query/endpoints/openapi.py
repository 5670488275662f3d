"""`/openapi.json` (OpenAPI 3.1), generated from the table of routes and its types."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from app.query.endpoints.route import Route
from app.query.endpoints.running_view import RunningView
from app.query.http.problems import PROBLEM_TYPE, ProblemDetails
from app.query.schema.answers import SCHEMA_REFERENCE, Item
from app.query.schema.requests import Identifier

_PATH_PARAMETER = re.compile(r"{(\w+)}")


async def openapi(running: RunningView, _: web.Request) -> web.StreamResponse:
    """Answer `GET /openapi.json`."""
    return web.Response(body=running.document, content_type="application/json")


def openapi_document(routes: Sequence[Route]) -> bytes:
    """Return the document as JSON."""
    types: list[Any] = [ProblemDetails, Identifier, Item]
    types += [kind for route in routes for kind in (route.query, route.body, route.answer) if isinstance(kind, type)]
    _, schemas = msgspec.json.schema_components(types, ref_template=SCHEMA_REFERENCE)
    (identifier,), _ = msgspec.json.schema_components([Identifier], ref_template=SCHEMA_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, identifier)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Nearline",
            "version": "1",
            "description": "Recommendations that follow what people do. Errors are problem details (RFC 9457).",
        },
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in _query_names(routes)},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.encode(document)


def _operation(route: Route, schemas: dict[str, Any], identifier: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": identifier}
        for name in _PATH_PARAMETER.findall(route.path)
    ]
    if route.query is not None:
        parameters += _query_parameters(schemas[route.query.__name__])
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _operation_id(route),
        "parameters": parameters,
        "responses": {
            "200": {"description": "The answer.", "content": _content(route.answer)},
            **(_accepted(route.answer) if route.accepts else {}),
            "default": {"description": "A problem.", "content": {PROBLEM_TYPE: _content(ProblemDetails)[_JSON]}},
        },
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    if route.scope != "open":
        operation["security"] = [{"key": []}, {}]
        operation["description"] = f"With API keys configured: scope `{route.scope}`."
    return operation


_JSON = "application/json"


def _accepted(answer: type[msgspec.Struct] | str) -> dict[str, Any]:
    location = {"description": "Where to ask what became of it.", "schema": {"type": "string"}}
    accepted = {"description": "It goes on.", "headers": {"Location": location}, "content": _content(answer)}
    return {"202": accepted}


def _content(kind: type[msgspec.Struct] | str) -> dict[str, Any]:
    if isinstance(kind, str):
        return {kind: {"schema": {"type": "object" if kind == _JSON else "string"}}}
    return {_JSON: {"schema": {"$ref": SCHEMA_REFERENCE.format(name=kind.__name__)}}}


def _query_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a parameter for each field; lists are one parameter, separated by commas."""
    return [
        {
            "name": name,
            "in": "query",
            "schema": field,
            **({"description": field["description"]} if "description" in field else {}),
            **({"style": "form", "explode": False} if field.get("type") == "array" else {}),
        }
        for name, field in schema["properties"].items()
    ]


def _query_names(routes: Sequence[Route]) -> set[str]:
    return {route.query.__name__ for route in routes if route.query is not None}


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", route.path.removeprefix("/v1"))
    return "_".join([route.method.lower(), *words])
