"""`nearline state` on folders without a broker: what it says and with which status it ends."""

import json
from pathlib import Path

import pytest

from tables.data_folder import Mark, lock_folder, partition_folder
from tests.app.cli.running import Run
from tests.support.partition_folders import fill
from tests.support.torn_files import flip_rows

MARK = Mark("nearline", 1)
ONE = {"NEARLINE_TOPICS__PARTITIONS": "1"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose rows are sound as far as RocksDB knows."""
    fill(tmp_path / "data")
    MARK.write(tmp_path / "data")
    return tmp_path / "data"


def test_a_check_names_what_is_wrong_and_ends_with_1(run: Run, data: Path) -> None:
    flip_rows(partition_folder(data, 0))
    result = run("state", "check", "--data-dir", str(data), "--json", **ONE)
    assert result.exit_code == 1
    (partition,) = json.loads(result.stdout)["partitions"]
    assert partition["partition"] == 0
    assert partition["problems"]
    assert partition["misplaced_users"] == 0, "there is one partition, where everybody belongs"
    plain = run("state", "check", "--data-dir", str(data), **ONE)
    assert plain.exit_code == 1
    assert "partition 0: row b'u000" in plain.stdout


@pytest.mark.parametrize("verb", [("check",), ("checkpoint", "copy")])
def test_a_folder_in_use_is_left_alone(run: Run, data: Path, verb: tuple[str, ...]) -> None:
    with lock_folder(data):
        result = run("state", *verb, "--data-dir", str(data), **ONE)
    assert result.exit_code == 1
    assert "another worker runs on the data folder" in result.stderr


@pytest.mark.parametrize("verb", [("check",), ("checkpoint", "copy")])
def test_a_folder_of_another_number_of_partitions_ends_with_78(run: Run, data: Path, verb: tuple[str, ...]) -> None:
    result = run("state", *verb, "--data-dir", str(data), NEARLINE_TOPICS__PARTITIONS="3")
    assert result.exit_code == 78
    assert "with 1 partitions (format 1), not the state of application nearline with 3 partitions" in result.stderr


@pytest.mark.parametrize("verb", [("check",), ("checkpoint", "copy")])
def test_a_folder_that_is_not_there_is_not_made(run: Run, tmp_path: Path, verb: tuple[str, ...]) -> None:
    result = run("state", *verb, "--data-dir", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "--data-dir names the data folder of a worker" in result.stderr
    assert not (tmp_path / "none").exists()


def test_rows_that_are_not_ours_are_not_restored(run: Run, data: Path, tmp_path: Path) -> None:
    made = run("state", "checkpoint", str(tmp_path / "copy"), "--data-dir", str(data), "--json", **ONE)
    assert json.loads(made.stdout) == {"checkpoint": str(tmp_path / "copy"), "partitions": [0]}
    result = run("state", "restore", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "new"), **ONE)
    assert result.exit_code == 1
    assert "partition 0 of the checkpoint is not sound: row b'u000" in result.stderr
