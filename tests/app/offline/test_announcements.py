from datetime import UTC, datetime

import pytest

from app.offline.announcements import RegionAnnouncements
from models.announcement import Announcement


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
    assert found.active.version == active
    assert (found.previous.version if found.previous else None) == previous
