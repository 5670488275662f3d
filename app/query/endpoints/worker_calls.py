"""Calls about the worker itself: health and metrics, open, as probes and scrapers carry no keys; checkpoints."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.query.endpoints.parts import QueryParts
from app.query.http.problems import NO_CHECKPOINT, NOT_HEALTHY, Problem
from app.query.schema.answers import CheckpointAnswer, HealthAnswer, json_response
from app.query.schema.requests import NoQuery, read_query
from tables.errors import StateUnusable

_OK = HealthAnswer()


async def live(parts: QueryParts, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/live`."""
    return _health(parts.view.health.live())


async def startup(parts: QueryParts, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/startup`."""
    return _health(parts.view.health.startup())


async def ready(parts: QueryParts, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/ready`."""
    return _health(parts.view.health.ready())


async def metrics(parts: QueryParts, _: web.Request) -> web.StreamResponse:
    """Answer `GET /metrics`."""
    return web.Response(body=generate_latest(parts.view.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def checkpoint(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/state:checkpoint`; where it goes is the worker's business, never the caller's."""
    read_query(request, NoQuery)
    try:
        folder, partitions = await parts.view.checkpointing.take()
    except StateUnusable as error:
        raise Problem(NO_CHECKPOINT, str(error)) from None
    return json_response(CheckpointAnswer(str(folder), partitions))


def _health(reason: str | None) -> web.StreamResponse:
    if reason is not None:
        raise Problem(NOT_HEALTHY, reason)
    return json_response(_OK)
