from collections import Counter

from prometheus_client import CollectorRegistry, generate_latest

from agents.metrics import make_metrics
from deploy.demonstration.view import Counts, add_up


def exposition(rates: int, plays: int, too_large: int) -> str:
    registry = CollectorRegistry()
    metrics = make_metrics(registry)
    metrics.events_applied.labels("rate").inc(rates)
    metrics.events_applied.labels("play").inc(plays)
    if too_large:
        metrics.events_rejected.labels("too_large").inc(too_large)
    return generate_latest(registry).decode()


def test_counts_are_sums_over_workers_types_and_reasons() -> None:
    counts = add_up([exposition(10, 3, 0), exposition(100, 0, 2)])
    assert counts == Counts(113, Counter(too_large=2))
    assert counts.done == 115


def test_without_events_nothing_is_done() -> None:
    assert add_up([exposition(0, 0, 0)]).done == 0
