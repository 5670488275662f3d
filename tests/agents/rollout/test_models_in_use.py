"""What a worker says of its models."""

from agents.rollout.models_in_use import ModelsInUse
from app.worker.metrics import WorkerMetrics
from models.rollout.rejection import MAX_REASON_CHARACTERS


def test_a_reason_that_quotes_a_stranger_at_length_is_cut(metrics: WorkerMetrics) -> None:
    models = ModelsInUse(metrics.rollout)
    models.reject("us", "v1", "no feature is called " + "x" * 1_000_000)
    (status,) = models.status()
    (rejected,) = status.rejected
    assert len(rejected.reason) == MAX_REASON_CHARACTERS
    assert rejected.reason.startswith("no feature is called xxx")
