import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import AnnouncementInvalid
from models.rollout.announcement import MAX_ANNOUNCEMENT_BYTES, Announcement, PreviousVersion, decode_announcement
from tests.support.announcements import FIELDS, PREVIOUS


def encoded(**fields: Any) -> bytes:
    return json.dumps(FIELDS | fields).encode()


def test_an_announcement_survives_the_topic() -> None:
    announcement = Announcement(**FIELDS | {"published_at": datetime(2026, 11, 23, 10, tzinfo=UTC)})
    assert decode_announcement(announcement.encode()) == announcement
    assert decode_announcement(encoded(news="ignored")) == announcement


def test_a_record_of_before_is_tried_and_has_no_fallback() -> None:
    announcement = decode_announcement(encoded())
    assert announcement.canary is True
    assert announcement.previous_version is None


def test_what_stood_before_survives_the_topic() -> None:
    announcement = decode_announcement(encoded(trial=False, fallback=PREVIOUS))
    assert announcement.canary is False
    assert announcement.previous_version == PreviousVersion(**PREVIOUS)
    assert decode_announcement(announcement.encode()) == announcement
    assert announcement.as_previous == PreviousVersion(version=FIELDS["version"], digest="0a" * 32, sequence=3)


def test_the_longest_announcement_fits() -> None:
    fallback = {"version": "w" * 64, "digest": "0b" * 32, "sequence": 2**63 - 2}
    names = {"region": "r" * 32, "version": "v" * 64, "location": f"{'r' * 32}/{'v' * 64}"}
    longest = encoded(**names, sequence=2**63 - 1, trial=False, fallback=fallback)
    assert len(decode_announcement(longest).encode()) < MAX_ANNOUNCEMENT_BYTES


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[
            ("location", bad)
            for bad in ("us/other", "../us/x", "/us/x", "s3://us/x", "http://evil/us/x", "", None, "us")
        ],
        *[("region", bad) for bad in ("", "US", "us/", "..", "us\n", "u" * 33, 1)],
        *[("version", bad) for bad in ("", "..", ".", "a/b", "a\n", "a\\b", "ü", "v" * 65, ".hidden", None)],
        *[("digest", bad) for bad in ("", "0a" * 31, "0A" * 32, "0g" * 32, "0a" * 32 + "\n", None)],
        *[("sequence", bad) for bad in (-1, 2**63, 1.5, "1", True, None)],
        *[("published_at", bad) for bad in ("2026-11-23T10:00:00", 1, None)],
        *[("trial", bad) for bad in (None, 1, "no")],
        *[("fallback", {}), ("fallback", "v1"), ("fallback", 1)],
        *[("fallback", PREVIOUS | {"version": bad}) for bad in ("", "..", "a/b", "v" * 65, None)],
        *[("fallback", PREVIOUS | {"digest": bad}) for bad in ("", "0B" * 32, "0b" * 31, None)],
        *[("fallback", PREVIOUS | {"sequence": bad}) for bad in (-1, 3, 4, 1.5, None)],
    ],
)
def test_what_is_no_announcement_is_refused(field: str, value: Any) -> None:
    fields = {field: value}
    if field in {"region", "version"}:  # the location agrees, so that the name itself is what is refused
        fields["location"] = "{region}/{version}".format(**FIELDS | fields)
    with pytest.raises(AnnouncementInvalid):
        decode_announcement(encoded(**fields))


@pytest.mark.parametrize("value", [None, b"", b"{}", b"null", b"\xff", b"[" * 4000, encoded(pad="x" * 4096)])
def test_other_records_are_refused(value: bytes | None) -> None:
    with pytest.raises(AnnouncementInvalid):
        decode_announcement(value)


@given(st.binary(max_size=64))
def test_random_bytes_are_refused(value: bytes) -> None:
    with pytest.raises(AnnouncementInvalid):
        decode_announcement(value)


def test_a_wrong_announcement_cannot_be_made() -> None:
    with pytest.raises(AnnouncementInvalid, match="location"):
        Announcement(**FIELDS | {"location": "../x", "published_at": datetime(2026, 11, 23, tzinfo=UTC)})
