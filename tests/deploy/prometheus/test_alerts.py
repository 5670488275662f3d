"""The alerts: of metrics that there are, and each with what to do."""

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from yaml import safe_load

from app.worker.metrics import WorkerMetrics

ROOT = Path(__file__).parents[3]
RULES: list[dict[str, Any]] = [
    rule
    for group in safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """The names of all metrics of a worker, as they are scraped."""
    registry = CollectorRegistry()
    WorkerMetrics(registry)
    return {name for metric in registry.collect() for name in (metric.name, f"{metric.name}_total")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_of_a_metric_that_there_is_and_says_what_to_do(rule: dict[str, Any], metrics: set[str]) -> None:
    named = set(re.findall(r"nearline_\w+", rule["expr"]))
    assert named
    assert named <= metrics
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description"}


def test_partitions_without_a_worker_or_a_leader_are_alerted() -> None:
    alerts = {rule["alert"]: rule["expr"] for rule in RULES}
    assert "nearline_partitions_unserved" in alerts["NearlinePartitionsUnserved"]
    assert "nearline_partitions_leaderless" in alerts["NearlinePartitionsLeaderless"]


def test_a_producer_with_another_partitioner_is_alerted() -> None:
    alerts = {rule["alert"]: rule["expr"] for rule in RULES}
    assert "nearline_events_misrouted_total" in alerts["NearlineUsersMisplaced"]
