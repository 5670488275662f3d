"""What every request goes through: its key is checked, its errors become problems, its time is counted."""

from collections.abc import Mapping
from time import perf_counter

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from app.query.access import Keys, Scope
from app.query.headers import SECURITY_HEADERS
from app.query.http_metrics import HttpMetrics
from app.query.problems import problem_of
from app.query.router import HOP_HEADER

UNMATCHED = "unmatched"


def make_middleware(keys: Keys, scopes: Mapping[str, Scope], metrics: HttpMetrics) -> Middleware:
    """Return the middleware.

    Parameters
    ----------
    keys : the API keys.
    scopes : the scope of each route pattern.
    metrics : where requests are counted.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        start = perf_counter()
        resource = request.match_info.route.resource
        route = UNMATCHED if resource is None else resource.canonical
        try:
            keys.check(request.headers.get(hdrs.AUTHORIZATION), scopes.get(route, "open"))
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - problem_of logs what nobody expected
            response = problem_of(error).response()
        if hdrs.SERVER not in response.headers:
            for name, value in SECURITY_HEADERS.items():
                response.headers.setdefault(name, value)
        metrics.observe(route, request, response.status, HOP_HEADER in request.headers, perf_counter() - start)
        return response

    return guard
