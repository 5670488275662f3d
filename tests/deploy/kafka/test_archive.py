from pathlib import Path

import pytest

from deploy.kafka import archive, local
from tests.deploy.kafka.programs import program


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    folder = tmp_path / "jars"
    folder.mkdir()
    for name in ("b.jar", "a.jar"):
        (folder / name).touch()
    return folder


def test_a_broker_that_ends_leaves_no_archive(jars: Path, tmp_path: Path) -> None:
    java = program(tmp_path / "java", 'for word; do case $word in *AtExit=*) touch "${word#*=}";; esac; done')
    assert not archive.write_archive(java, jars)
    assert sorted(path.name for path in jars.iterdir()) == ["a.jar", "b.jar"]


def test_an_archive_is_used_with_the_class_path_it_was_written_with(jars: Path, tmp_path: Path) -> None:
    java = program(tmp_path / "java", "exit 0")
    without = local.local_plan(java, jars, tmp_path, (1, 2), 100).command
    local.archive_of(jars).touch()
    assert archive.write_archive(java, jars)
    command = local.local_plan(java, jars, tmp_path, (1, 2), 100).command
    assert f"-XX:SharedArchiveFile={jars / 'classes.jsa'}" in command
    assert set(without) < set(command)
    assert command[command.index("-cp") + 1] == f"{jars / 'a.jar'}:{jars / 'b.jar'}"
