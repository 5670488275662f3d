from typing import Any

import msgspec
import pytest

from deploy.demonstration.summary import Summary

RECALL = {"popular": 0.1, "popular_10_days": 0.123456, "frozen": 0.1, "nearline": 0.2}


def summary(**other: Any) -> Summary:
    figures: dict[str, Any] = {
        "events_sent": 10,
        "events_applied": 8,
        "events_rejected": 2,
        "users": 3,
        "videos": 4,
        "workers": 2,
        "model_version": "20261123T000000Z-01234567",
        "events_per_second": 1234.56789,
        "visible_p50_ms": 12.0,
        "visible_p99_ms": 34.0,
        "recall_at_20": RECALL,
        "ndcg_at_20": RECALL,
        "parity_users": 5,
        "parity_mismatches": 0,
        "seconds": 60.0,
    }
    return Summary(**{**figures, **other})


def test_the_json_is_one_line_with_rounded_figures() -> None:
    line = summary().encode()
    assert "\n" not in line
    found = msgspec.json.decode(line)
    assert list(found) == list(Summary.__struct_fields__)
    assert found["events_per_second"] == 1234.5679
    assert found["recall_at_20"]["popular_10_days"] == 0.1235


def test_all_is_well_when_every_event_is_applied_or_rejected() -> None:
    assert summary().problems() == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"events_applied": 9}, "10 events were sent, but 9 applied and 2 rejected"),
        ({"parity_mismatches": 1}, "1 of 5"),
    ],
)
def test_what_must_not_be_is_said(other: dict[str, int], said: str) -> None:
    (problem,) = summary(**other).problems()
    assert said in problem
