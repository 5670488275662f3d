from collections import Counter

from prometheus_client import CollectorRegistry, generate_latest

from agents.events.metrics import EventMetrics
from deploy.demonstration.view import Counts, add_up


def exposition(rates: int, plays: int, too_large: int) -> str:
    registry = CollectorRegistry()
    metrics = EventMetrics(registry)
    metrics.applied.labels("rate").inc(rates)
    metrics.applied.labels("play").inc(plays)
    if too_large:
        metrics.rejected.labels("too_large").inc(too_large)
    return generate_latest(registry).decode()


def test_counts_are_sums_over_workers_types_and_reasons() -> None:
    counts = add_up([exposition(10, 3, 0), exposition(100, 0, 2)])
    assert counts == Counts(113, Counter(too_large=2))
    assert counts.done == 115


def test_without_events_nothing_is_done() -> None:
    assert add_up([exposition(0, 0, 0)]).done == 0
