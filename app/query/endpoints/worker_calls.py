"""`GET /health/…`, `GET /metrics` and `POST /v1/state:checkpoint`: the worker itself.

Health and metrics are open, as probes and scrapers carry no keys.
"""

from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.query.endpoints.running_view import RunningView
from app.query.http.problems import NO_CHECKPOINT, NOT_HEALTHY, Problem
from app.query.schema.answers import CheckpointAnswer, HealthAnswer, json_response
from app.query.schema.requests import NoQuery, read_query
from tables.errors import StateUnusable

_OK = HealthAnswer()


async def live(running: RunningView, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/live`."""
    return _health(running.view.health.live())


async def startup(running: RunningView, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/startup`."""
    return _health(running.view.health.startup())


async def ready(running: RunningView, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/ready`."""
    health = running.view.health
    return _health(health.ready(), health.warnings())


async def metrics(running: RunningView, _: web.Request) -> web.StreamResponse:
    """Answer `GET /metrics`."""
    return web.Response(body=generate_latest(running.view.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def checkpoint(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/state:checkpoint`; where it goes is the worker's business, never the caller's."""
    read_query(request, NoQuery)
    running.check_lease()
    try:
        folder, partitions = await running.view.checkpointing.take()
    except StateUnusable as error:
        raise Problem(NO_CHECKPOINT, str(error)) from None
    return json_response(CheckpointAnswer(str(folder), partitions))


def _health(reason: str | None, warnings: Sequence[str] = ()) -> web.StreamResponse:
    if reason is not None:
        raise Problem(NOT_HEALTHY, reason)
    return json_response(HealthAnswer(warnings=list(warnings)) if warnings else _OK)
