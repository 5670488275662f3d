"""Metrics of the requests; the label `route` is the pattern, never an id."""

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


class HttpMetrics:
    """Counts requests and their time on a registry, which must not hold these metrics yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "nearline_http_requests",
            "HTTP requests; hop is 1 for those that another worker passed on.",
            ["route", "method", "status", "hop"],
            registry=registry,
        )
        self._seconds = Histogram(
            "nearline_http_request_seconds",
            "From the parsed request to the answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        # finding a labelled child costs two microseconds, and there are only so many of them
        self._children: dict[tuple[str, str, int, bool], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, request: web.Request, status: int, hop: bool, seconds: float) -> None:
        """Count one request."""
        method = request.method if request.method in _METHODS else "other"
        key = route, method, status, hop
        found = self._children.get(key)
        if found is None:
            labels = route, method, str(status), str(int(hop))
            found = self._children[key] = self._requests.labels(*labels), self._seconds.labels(route)
        count, histogram = found
        count.inc()
        histogram.observe(seconds)
