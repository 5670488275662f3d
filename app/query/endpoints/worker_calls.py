"""Calls about the worker itself: health and metrics, open, as probes and scrapers carry no keys; checkpoints."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.query.endpoints.desk import Desk
from app.query.http.problems import NO_CHECKPOINT, NOT_HEALTHY, Problem
from app.query.schema.answers import CheckpointAnswer, HealthAnswer, json_response
from app.query.schema.requests import NoQuery, read_query
from tables.errors import StateUnusable

_OK = HealthAnswer()


async def live(desk: Desk, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/live`."""
    return _health(desk.view.health.live())


async def startup(desk: Desk, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/startup`."""
    return _health(desk.view.health.startup())


async def ready(desk: Desk, _: web.Request) -> web.StreamResponse:
    """Answer `GET /health/ready`."""
    return _health(desk.view.health.ready())


async def metrics(desk: Desk, _: web.Request) -> web.StreamResponse:
    """Answer `GET /metrics`."""
    return web.Response(body=generate_latest(desk.view.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def checkpoint(desk: Desk, request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/state:checkpoint`; where it goes is the worker's business, never the caller's."""
    read_query(request, NoQuery)
    try:
        folder, partitions = await desk.view.checkpointing.take()
    except StateUnusable as error:
        raise Problem(NO_CHECKPOINT, str(error)) from None
    return json_response(CheckpointAnswer(str(folder), partitions))


def _health(reason: str | None) -> web.StreamResponse:
    if reason is not None:
        raise Problem(NOT_HEALTHY, reason)
    return json_response(_OK)
