"""Looking at stopped folders: sound ones are, and whatever is wrong is named."""

import shutil
from pathlib import Path

import pytest

from tables.applied_offset import APPLIED_OFFSET
from tables.errors import RowCorrupt
from tables.partition_check import MAX_PROBLEMS, PartitionReport, check_partition
from tables.partition_folders import condemn
from tests.support.partition_folders import CHANGELOG, close_table, fill, held_at, open_table
from tests.support.torn_files import SET_ASIDE, Tear, flip_rows

EVERYTHING = held_at(len(CHANGELOG) - 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "users-0.db"))


def check(folder: Path, seen: dict[bytes, bytes] | None = None) -> PartitionReport:
    rows: dict[bytes, bytes] = {} if seen is None else seen
    return check_partition(0, folder, lambda key, row: None, rows.__setitem__)


def test_a_sound_folder_is_read_to_its_last_row_and_stays_as_it_is(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.glob("*.sst")}
    rows: dict[bytes, bytes] = {}
    report = check(folder, rows)
    assert rows == EVERYTHING
    assert report == PartitionReport(
        0, len(EVERYTHING), next_offset=30_000, changelog_offset=len(CHANGELOG) - 1, known_offset=len(CHANGELOG) - 1
    )
    assert {path.name: path.read_bytes() for path in folder.glob("*.sst")} == before


@pytest.mark.parametrize("tear", [pytest.param(tear, id=name) for name, tear in SET_ASIDE.items()])
def test_a_torn_folder_is_a_problem_and_no_error(folder: Path, tear: Tear) -> None:
    tear(folder)
    report = check(folder)
    assert report.problems
    assert "users-0.db" in report.problems[0]
    assert report.rows < len(EVERYTHING)


def test_rot_among_the_rows_is_no_end_of_them(folder: Path) -> None:
    flip_rows(folder)
    report = check(folder)
    assert 0 < report.rows < len(EVERYTHING)
    (problem,) = report.problems
    assert "checksum mismatch" in problem


def test_a_condemned_folder_says_why(folder: Path) -> None:
    condemn(folder, "users-0.db: Corruption: seen by a query")
    (problem,) = check(folder).problems
    assert "to be set aside at its next start: users-0.db: Corruption: seen by a query" in problem


def test_rows_that_are_too_new_or_too_short_or_refused_are_named(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    table, _ = open_table(tmp_path)
    table.commit(0, {b"u000100": APPLIED_OFFSET.pack(30_001), b"u000101": b"short"}, len(CHANGELOG))
    close_table(table)

    def check_row(key: bytes, row: bytes) -> None:
        if key == b"u000102":
            raise RowCorrupt("not a row of ours")

    report = check_partition(0, folder, check_row, lambda key, row: None)
    assert report.problems == [
        "row b'u000100': its applied offset 30001 is ahead of the position 30000",
        "row b'u000101': 5 bytes, too few for any row",
        "row b'u000102': not a row of ours",
    ]


def test_problems_are_bounded() -> None:
    report = PartitionReport(0)
    for number in range(MAX_PROBLEMS + 7):
        report.add(str(number))
    assert len(report.problems) == MAX_PROBLEMS
    assert report.more == 7
