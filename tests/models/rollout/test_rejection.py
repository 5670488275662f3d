from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from models.errors import AnnouncementInvalid
from models.rollout.announcement import Announcement
from models.rollout.rejection import MAX_REASON_CHARACTERS, MAX_REJECTION_BYTES, Rejection, Stage, decode_rejection

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
ANNOUNCED = Announcement(region="us", version="v1", sequence=7, location="us/v1", digest="ab" * 32, published_at=AT)


def rejection(stage: Stage = "trial", reason: str = "lists overlap by 0.010") -> Rejection:
    return Rejection.of(ANNOUNCED, stage, reason, "w1", AT)


def test_what_is_written_is_read() -> None:
    assert decode_rejection(rejection().encode()) == rejection()
    assert msgspec.json.decode(rejection().encode()) == {
        "region": "us",
        "version": "v1",
        "sequence": 7,
        "digest": "ab" * 32,
        "stage": "trial",
        "reason": "lists overlap by 0.010",
        "worker": "w1",
        "at": "2026-11-23T10:00:00Z",
        "comparison": None,
    }


def test_one_record_is_kept_of_each_announcement() -> None:
    assert rejection().key == b"us/7"


@pytest.mark.parametrize(("stage", "counts"), [("trial", True), ("artifact", False), ("announcement", False)])
def test_only_a_canary_speaks_for_all_workers(stage: Stage, counts: bool) -> None:
    assert rejection(stage).counts_for_all == counts


@pytest.mark.parametrize("field", [{"region": "fr", "location": "fr/v1"}, {"sequence": 8}, {"digest": "cd" * 32}])
def test_it_is_of_the_announcement_that_it_names(field: dict[str, Any]) -> None:
    assert rejection().is_of(ANNOUNCED)
    assert not rejection().is_of(msgspec.structs.replace(ANNOUNCED, **field))


def test_a_long_reason_is_cut() -> None:
    cut = rejection(reason="x" * (MAX_REASON_CHARACTERS + 1))
    assert cut.reason == "x" * MAX_REASON_CHARACTERS
    assert decode_rejection(cut.encode()) == cut


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"{}",
        rejection().encode().replace(b'"trial"', b'"another"'),
        rejection().encode().replace(b'"us"', b'""'),
        rejection().encode().replace(b":7,", b":-7,"),
        rejection().encode() + b" " * MAX_REJECTION_BYTES,
    ],
)
def test_what_is_no_rejection_is_refused(value: bytes | None) -> None:
    with pytest.raises(AnnouncementInvalid):
        decode_rejection(value)
