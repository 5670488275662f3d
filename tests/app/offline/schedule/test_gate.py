from typing import Any

import pytest

from app.offline.schedule.gate import Limits, Standard, judge

LIMITS = Limits(min_recall_at_20=0.1, max_relative_drop=0.1)


def measured(recall: object) -> dict[str, Any]:
    return {"recall_at_20": {"popular": 0.9, "nearline": recall}, "ndcg_at_20": {}, "questions": 3}


@pytest.mark.parametrize(
    ("recall", "previous", "passed", "reason"),
    [
        (0.2, 0.2, True, "recall_at_20 is 0.2000, that of the active v1 0.2000"),
        (0.3, 0.2, True, "recall_at_20 is 0.3000, that of the active v1 0.2000"),
        (0.18, 0.2, True, "0.1800"),  # exactly a tenth less
        (0.63, 0.7, True, "0.6300"),
        (0.179, 0.2, False, "0.1790, that of the active v1 0.2000: 10.5% less, 10.0% are allowed"),
        (0.1, 0.1, True, "0.1000"),
        (0.0999, 0.05, False, "recall_at_20 is 0.0999, below the minimum of 0.1"),
        (0.2, 0.0, True, "0.0000"),
    ],
)
def test_the_minimum_and_the_drop_decide(recall: float, previous: float, passed: bool, reason: str) -> None:
    verdict = judge(LIMITS, measured(recall), Standard("v1", measured(previous)))
    assert verdict.passed is passed
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("standard", "reason"),
    [
        (Standard(), "nothing is active to compare it with"),
        (Standard("v1"), "that of the active v1 is not known"),
        (Standard("v1", {}), "that of the active v1 is not known"),
        (Standard("v1", {"recall_at_20": None}), "that of the active v1 is not known"),
        (Standard("v1", {"recall_at_20": 0.9}), "that of the active v1 is not known"),
        (Standard("v1", measured(None)), "that of the active v1 is not known"),
        (Standard("v1", measured("0.9")), "that of the active v1 is not known"),
    ],
)
def test_with_nothing_to_compare_the_minimum_decides(standard: Standard, reason: str) -> None:
    verdict = judge(LIMITS, measured(0.1), standard)
    assert verdict.passed
    assert reason in verdict.reason
    assert not judge(LIMITS, measured(0.09), standard).passed


@pytest.mark.parametrize("metrics", [{}, {"recall_at_20": None, "questions": 0}])
def test_without_a_question_nothing_passes(metrics: dict[str, Any]) -> None:
    verdict = judge(Limits(0.0, 1.0), metrics, Standard())
    assert not verdict.passed
    assert "the holdout asked no question" in verdict.reason
