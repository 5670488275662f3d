from pathlib import Path

import pytest

from deploy.kafka import java
from tests.deploy.kafka.programs import program


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('java version "1.8.0_302"', 8),
        ("Error: no JVM", None),
    ],
)
def test_version(text: str, version: int | None) -> None:
    assert java.parse_version(text) == version


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with Java 11 as JAVA_HOME and on the PATH."""
    for place in ("home/bin", "path"):
        program(tmp_path / place / "java", "echo 'openjdk version \"11.0.2\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(java, "_DEBIAN", tmp_path / "jvm")
    return tmp_path


def test_an_old_java_is_none(machine: Path) -> None:
    assert java.find_java() is None


def test_a_newer_one_in_debians_folder_is_found_behind_an_old_one(machine: Path) -> None:
    newer = program(machine / "jvm/java-21/bin/java", "echo 'openjdk version \"21.0.1\"' >&2")
    assert java.find_java() == newer


def test_a_program_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert java.java_version(tmp_path / "java") is None
