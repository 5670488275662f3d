"""Metrics of the requests; the label `route` is the pattern, never an id.

They are counted in plain numbers and become Prometheus's when they are asked for: its own counter and histogram take
locks for threads that there are none of here, and cost a request 5 us.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_BOUNDS = (*map(str, _SECONDS), "+Inf")
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


class _Tally:
    """Requests of one sort: how many took up to each of the bounds but more than the one before, and all seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0


class HttpMetrics(Collector):
    """Counts requests and their time on a registry, which must not hold these metrics yet; in one thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tallies: defaultdict[tuple[str, str, int, bool], _Tally] = defaultdict(_Tally)
        registry.register(self)

    def observe(self, route: str, method: str, status: int, hop: bool, seconds: float) -> None:
        """Count one request."""
        tally = self._tallies[route, method if method in _METHODS else "other", status, hop]
        tally.counts[bisect_left(_SECONDS, seconds)] += 1
        tally.seconds += seconds

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without values, by which the registry knows their names."""
        return _requests(), _times()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are."""
        requests, times = _requests(), _times()
        routes: defaultdict[str, list[_Tally]] = defaultdict(list)
        for (route, method, status, hop), tally in self._tallies.items():
            requests.add_metric([route, method, str(status), str(int(hop))], sum(tally.counts))
            routes[route].append(tally)
        for route, tallies in routes.items():
            counts = map(sum, zip(*(tally.counts for tally in tallies), strict=True))
            buckets = list(zip(_BOUNDS, accumulate(counts), strict=True))
            times.add_metric([route], buckets, sum(tally.seconds for tally in tallies))
        yield requests
        yield times


def _requests() -> CounterMetricFamily:
    text = "HTTP requests; hop is 1 for those that another worker passed on."
    return CounterMetricFamily("nearline_http_requests", text, labels=["route", "method", "status", "hop"])


def _times() -> HistogramMetricFamily:
    text = "From the parsed request to the answer."
    return HistogramMetricFamily("nearline_http_request_seconds", text, labels=["route"])
