from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from app.publishing.announcements import RegionAnnouncements
from models.rollout.announcement import Announcement


def announced(*versions: str) -> RegionAnnouncements:
    return RegionAnnouncements(
        tuple(
            Announcement(
                region="global",
                version=version,
                sequence=sequence,
                location=f"global/{version}",
                digest="0" * 64,
                published_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
            for sequence, version in enumerate(versions)
        )
    )


@pytest.mark.parametrize(
    ("versions", "active", "previous"),
    [
        ("a", "a", None),
        ("aa", "a", None),
        ("ab", "b", "a"),
        ("abb", "b", "a"),
        ("aba", "a", "b"),
        ("abc", "c", "b"),
        ("abcb", "b", "c"),
    ],
)
def test_the_previous_is_the_latest_other_version(versions: str, active: str, previous: str | None) -> None:
    found = announced(*versions)
    assert found.active is not None
    assert found.active.version == active
    assert (found.previous.version if found.previous else None) == previous


def test_what_compaction_removed_is_known_from_the_next() -> None:
    one, two, three = announced("a", "b", "a").announcements
    alone = RegionAnnouncements((replace(three, previous_version=two.as_previous),))
    assert alone.previous == two.as_previous
    assert alone.known == (two.as_previous, three.as_previous)
    whole = RegionAnnouncements((one, two, three))
    assert [whole.sequence_of(version, "0" * 64) for version in "abc"] == [2, 1, None]
    assert [alone.sequence_of(version, "0" * 64) for version in "abc"] == [2, 1, None]
    assert whole.sequence_of("a", "1" * 64) is None
