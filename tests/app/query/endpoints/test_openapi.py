"""`/openapi.json` tells the truth: every route is in it, and what is answered is what it promises."""

from typing import Any

import msgspec
import pytest
from aiohttp import web
from jsonschema import Draft202012Validator

from agents.catalogue import CatalogueEntry
from app.query import attach
from models.feedback.events import encode_event
from tests.app.query.endpoints.document import DOCUMENT
from tests.app.query.servers import answer, serving
from tests.app.query.world import World, play

EVENT = msgspec.json.decode(encode_event(play(0)))


def content(path: str, method: str, response: str, media: str) -> dict[str, Any]:
    schema = DOCUMENT["paths"][path][method]["responses"][response]["content"][media]["schema"]
    return {**DOCUMENT, **schema}


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + references(list(node.values()))
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def test_every_route_of_the_application_is_in_it() -> None:
    application = web.Application()
    attach(application, World().view())
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None and route.method != "*"  # which refuses what no route takes
    }
    described = {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert served == described


def test_no_reference_leads_nowhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert {name.rpartition("/")[2] for name in references(DOCUMENT)} <= set(schemas)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


def test_operation_ids_are_unique() -> None:
    named = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(set(named)) == len(named)


def test_parameters_of_the_list() -> None:
    parameters = DOCUMENT["paths"]["/v1/users/{user_id}/recommendations"]["get"]["parameters"]
    by_name = {parameter["name"]: parameter for parameter in parameters}
    assert by_name.keys() == {
        "user_id", "limit", "offset", "region", "device", "maturity", "genre", "exclude", "include_seen", "min_score"
    }  # fmt: skip
    limit = by_name["limit"]["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 200, 20)
    assert by_name["exclude"]["explode"] is False


@pytest.mark.parametrize(
    ("template", "path", "body"),
    [
        ("/v1/users/{user_id}/recommendations", "/v1/users/ann/recommendations", None),
        ("/v1/users/{user_id}/recommendations", "/v1/users/nobody/recommendations?limit=1", None),
        ("/v1/users/{user_id}/recommendations", "/v1/users/ann/recommendations?min_score=99", None),
        ("/v1/users/{user_id}/recommendations/{video_id}", "/v1/users/ann/recommendations/v000", None),
        ("/v1/users/{user_id}/recommendations/{video_id}", "/v1/users/nobody/recommendations/v000", None),
        ("/v1/users/{user_id}", "/v1/users/ann", None),
        ("/v1/models", "/v1/models", None),
        ("/v1/videos/popular", "/v1/videos/popular", None),
        ("/v1/routing/users/{user_id}", "/v1/routing/users/ann", None),
        ("/v1/routing/partitions", "/v1/routing/partitions", None),
        ("/health/ready", "/health/ready", None),
        ("/openapi.json", "/openapi.json", None),
        ("/v1/recommendations:batch", "/v1/recommendations:batch", {"user_ids": ["ann", "nobody"]}),
        ("/v1/anonymous/recommendations", "/v1/anonymous/recommendations", {"events": [EVENT], "context": {}}),
    ],
)
async def test_answers_are_what_it_promises(template: str, path: str, body: dict[str, Any] | None) -> None:
    world = World()
    world.remember("ann", play(0, region="us"))
    world.catalogue["v001"] = CatalogueEntry(title="One")
    world.popularity.lists = {None: [("v009", 30)]}
    method = "get" if body is None else "post"
    if body is not None:
        request = DOCUMENT["paths"][template]["post"]["requestBody"]["content"]["application/json"]["schema"]
        Draft202012Validator({**DOCUMENT, **request}).validate(body)
    async with serving(world) as client:
        found = await answer(await client.request(method, path, json=body))
    Draft202012Validator(content(template, method, "200", "application/json")).validate(found)


async def test_problems_are_what_it_promises() -> None:
    async with serving(World()) as client:
        details = await (await client.get("/v1/users/ann")).json(content_type=None)
    schema = content("/v1/users/{user_id}", "get", "default", "application/problem+json")
    Draft202012Validator(schema).validate(details)
