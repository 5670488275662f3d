"""What is kept in turns: the number orders it, whatever the clock said, and strangers' names are not touched."""

from pathlib import Path

import pytest

from tables.numbered_names import next_name, numbered

LATER_BY_ITS_CLOCK = "20991231T235959.000000Z-000007"


@pytest.mark.parametrize("prefix", ["", "users-0.db.bad-"])
def test_the_next_name_comes_last_whatever_the_clock_said_before(tmp_path: Path, prefix: str) -> None:
    (tmp_path / f"{prefix}{LATER_BY_ITS_CLOCK}").mkdir()
    name = next_name(tmp_path, prefix)
    assert name.endswith("-000008")
    (tmp_path / name).mkdir()
    assert [path.name for path in numbered(tmp_path, prefix)] == [f"{prefix}{LATER_BY_ITS_CLOCK}", name]


def test_what_an_earlier_release_left_without_a_number_is_older(tmp_path: Path) -> None:
    for name in ("20991231T235959.000000Z", "20200101T000000.000000Z-000001", "20250101T000000.000000Z"):
        (tmp_path / name).mkdir()
    assert [path.name for path in numbered(tmp_path)] == [
        "20250101T000000.000000Z",
        "20991231T235959.000000Z",
        "20200101T000000.000000Z-000001",
    ]


def test_a_millionth_name_comes_behind_the_one_before(tmp_path: Path) -> None:
    for name in ("20260101T000000.000000Z-999999", "20260101T000000.000000Z-1000000"):
        (tmp_path / name).mkdir()
    assert [path.name[-6:] for path in numbered(tmp_path)] == ["999999", "000000"]
    assert next_name(tmp_path).endswith("-1000001")


@pytest.mark.parametrize(
    "stranger",
    ["latest", "notes.txt", "20260101", "20260101T000000.000000Z-000009-copy", "x20260101T000000.000000Z-000009"],
)
def test_other_names_are_neither_counted_nor_listed(tmp_path: Path, stranger: str) -> None:
    (tmp_path / stranger).mkdir()
    assert numbered(tmp_path) == []
    assert next_name(tmp_path).endswith("-000001")


def test_a_name_that_another_one_begins_with_is_not_that_one(tmp_path: Path) -> None:
    (tmp_path / "users-1.db.bad-20260101T000000.000000Z-000001").mkdir()
    (tmp_path / "users-11.db.bad-20260101T000000.000000Z-000001").mkdir()
    assert [path.name[:10] for path in numbered(tmp_path, "users-1.db.bad-")] == ["users-1.db"]


def test_links_and_a_folder_that_is_not_there_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / LATER_BY_ITS_CLOCK).symlink_to(tmp_path)
    assert numbered(tmp_path) == numbered(tmp_path / "nowhere") == []
    assert next_name(tmp_path / "nowhere").endswith("-000001")


def test_what_is_not_finished_takes_its_number_too(tmp_path: Path) -> None:
    (tmp_path / f"{LATER_BY_ITS_CLOCK}.unfinished").mkdir()
    assert next_name(tmp_path, suffixes=(".unfinished",)).endswith("-000008")
    assert [path.name for path in numbered(tmp_path, suffix=".unfinished")] == [f"{LATER_BY_ITS_CLOCK}.unfinished"]
    assert numbered(tmp_path) == []
