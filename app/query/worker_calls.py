"""Calls about the worker itself: health and metrics; always open, as probes and scrapers carry no keys."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.query.answers import HealthAnswer, json_response
from app.query.desk import Desk
from app.query.problems import NOT_HEALTHY, Problem

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


def _health(reason: str | None) -> web.StreamResponse:
    if reason is not None:
        raise Problem(NOT_HEALTHY, reason)
    return json_response(_OK)
