import hashlib
import re
from pathlib import Path

import pytest

from deploy.kafka import jars
from deploy.kafka.errors import JarsInvalid
from tests.deploy.kafka.programs import program

CONTENT = {"kafka_2.13-1.0.jar": b"one", "other-2.jar": b"two"}
LOCK = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENT.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_the_locked_jars_pass(folder: Path) -> None:
    jars.check_jars(folder, LOCK)


def test_a_changed_jar_is_refused_with_its_name_and_both_digests(folder: Path) -> None:
    (folder / "other-2.jar").write_bytes(b"evil")
    with pytest.raises(JarsInvalid) as refused:
        jars.check_jars(folder, LOCK)
    for part in ("other-2.jar", LOCK["other-2.jar"], hashlib.sha256(b"evil").hexdigest()):
        assert part in str(refused.value)


def test_a_missing_and_an_unknown_jar_are_refused(folder: Path) -> None:
    (folder / "other-2.jar").rename(folder / "another.jar")
    with pytest.raises(JarsInvalid, match=r"lacks other-2\.jar"):
        jars.check_jars(folder, LOCK)
    with pytest.raises(JarsInvalid, match=r"holds another\.jar"):
        jars.check_jars(folder, {"kafka_2.13-1.0.jar": LOCK["kafka_2.13-1.0.jar"]})


def test_the_lock_is_of_the_version_in_the_pom() -> None:
    lock = jars.read_lock()
    assert f"<version>{jars.kafka_version(lock)}</version>" in jars.POM.read_text()
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in lock.values())


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose Maven "fetches" the two jars of LOCK."""
    monkeypatch.setattr(jars, "read_lock", lambda: LOCK)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return program(
        tmp_path / "bin" / "mvn",
        'for word; do case $word in -DoutputDirectory=*) out=${word#*=};; esac; done\nmkdir -p "$out"\n'
        'printf one >"$out/kafka_2.13-1.0.jar"\nprintf two >"$out/other-2.jar"',
    )


def test_jars_are_fetched_once(maven: Path, tmp_path: Path) -> None:
    wanted = tmp_path / "new" / "1.0"
    assert jars.ensure_jars(wanted) == wanted
    assert {path.name: path.read_bytes() for path in wanted.iterdir()} == CONTENT
    maven.unlink()
    assert jars.ensure_jars(wanted) == wanted


def test_what_was_fetched_wrong_never_appears(maven: Path, tmp_path: Path) -> None:
    maven.write_text(maven.read_text().replace("printf two", "printf evil"))
    with pytest.raises(JarsInvalid, match=r"other-2\.jar"):
        jars.ensure_jars(tmp_path / "new" / "1.0")
    assert list((tmp_path / "new").iterdir()) == []


def test_mavens_failure_is_told_in_its_own_words(maven: Path, tmp_path: Path) -> None:
    maven.write_text("#!/bin/sh\necho the network is away\nexit 3\n")
    with pytest.raises(JarsInvalid, match=r"exit 3(.|\n)*the network is away"):
        jars.ensure_jars(tmp_path / "new" / "1.0")


def test_a_machine_without_maven_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JarsInvalid, match="install Maven"):
        jars.ensure_jars(tmp_path / "new" / "1.0")
