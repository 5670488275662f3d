"""What every request goes through: its key is checked, its errors become problems, its time is counted.

The guard is put around each handler, not into the application as a middleware: aiohttp's middlewares cost every
request two more calls. A route that takes what no other takes answers for the paths that do not exist.
"""

from collections.abc import Awaitable, Callable
from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from app.query.http.access import Keys, Scope
from app.query.http.headers import HOP_HEADER, SECURITY_HEADERS
from app.query.http.http_metrics import HttpMetrics
from app.query.http.json_response import JsonResponse
from app.query.http.problems import problem_of

UNMATCHED = "unmatched"

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guarded(handler: Answering, route: str, scope: Scope, keys: Keys, metrics: HttpMetrics) -> Handler:
    """Return a handler with everything around it.

    Parameters
    ----------
    handler : answers, or raises what `problem_of` understands.
    route : pattern under which it is counted.
    scope : of the key that it takes.
    keys : the API keys.
    metrics : where requests are counted.
    """
    observe = metrics.observe

    async def guard(request: web.Request) -> web.StreamResponse:
        start = perf_counter()
        headers = request.headers
        try:
            if keys.needed:
                keys.check(headers.get(hdrs.AUTHORIZATION), scope)
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - problem_of logs what nobody expected
            response = problem_of(error).response()
        if not isinstance(response, JsonResponse):  # which carries them already
            for name, value in SECURITY_HEADERS.items():
                response.headers.setdefault(name, value)
        observe(route, request.method, response.status, HOP_HEADER in headers, perf_counter() - start)
        return response

    return guard


async def unmatched(request: web.Request) -> web.StreamResponse:
    """Refuse a request that no route takes: its path is unknown, or its method is not allowed there."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource is not request.match_info.route.resource:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound
