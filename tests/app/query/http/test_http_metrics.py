from prometheus_client import CollectorRegistry

from app.query.http.http_metrics import HttpMetrics

TIMES = "nearline_http_request_seconds"


def test_requests_and_their_times_are_counted_by_route() -> None:
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry)
    metrics.observe("/a", "GET", 200, False, 0.0005)  # a bound belongs to its bucket
    metrics.observe("/a", "GET", 200, False, 0.25)
    metrics.observe("/a", "BREW", 503, True, 7.0)
    metrics.observe("/b", "POST", 200, False, 0.01)

    def requests(route: str, method: str, status: str, hop: str) -> float | None:
        labels = {"route": route, "method": method, "status": status, "hop": hop}
        return registry.get_sample_value("nearline_http_requests_total", labels)

    assert requests("/a", "GET", "200", "0") == 2
    assert requests("/a", "other", "503", "1") == 1
    assert requests("/b", "POST", "200", "0") == 1
    below = {bound: registry.get_sample_value(f"{TIMES}_bucket", {"route": "/a", "le": bound}) for bound in _BOUNDS}
    assert below == {"0.0005": 1, "0.1": 1, "0.25": 2, "1.0": 2, "+Inf": 3}
    assert registry.get_sample_value(f"{TIMES}_count", {"route": "/a"}) == 3
    assert registry.get_sample_value(f"{TIMES}_sum", {"route": "/a"}) == 7.2505


_BOUNDS = ("0.0005", "0.1", "0.25", "1.0", "+Inf")
