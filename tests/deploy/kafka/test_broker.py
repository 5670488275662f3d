"""Which broker is taken, and what is said when none can be had; no broker runs here."""

import json
import socket
from pathlib import Path

import pytest

from deploy.kafka import Broker, BrokerFailed, NoWayToRun, jars, java, prepare
from tests.deploy.kafka.programs import program


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with neither Java, nor Maven, nor Docker, nor jars; returns its folder of programs."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "_DEBIAN", tmp_path / "jvm")
    monkeypatch.setattr(jars, "jar_folder", lambda: tmp_path / "jars")
    return tmp_path / "bin"


@pytest.mark.usefixtures("bare")
def test_without_anything_it_says_what_to_install() -> None:
    with pytest.raises(NoWayToRun, match=r"Java 17\+.*Maven.*Docker.*NEARLINE_KAFKA__BOOTSTRAP") as refused:
        Broker().start()
    assert refused.value.missing == ("java", "maven")


def test_with_java_only_maven_is_asked_for(bare: Path) -> None:
    program(bare / "java", "echo 'openjdk version \"17.0.1\"' >&2")
    with pytest.raises(NoWayToRun) as refused:
        Broker().start()
    assert refused.value.missing == ("maven",)


def test_a_docker_client_without_an_engine_is_no_way(bare: Path) -> None:
    program(bare / "docker", "exit 1")
    with pytest.raises(NoWayToRun):
        Broker().start()


def test_docker_compose_runs_and_ends_it_where_java_is_missing(bare: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    program(
        bare / "docker",
        f'echo "$BROKER_PORT $BROKER_HEAP_MIB $*" >>{calls}\ncase "$*" in *" up "*) echo "no image"; exit 4;; esac',
    )
    with pytest.raises(BrokerFailed, match=r"ended while it was starting\nno image"):
        Broker(heap_mib=100).start()
    lines = [line.split() for line in calls.read_text().splitlines() if "compose" in line and " -f " in line]
    assert [words[7] for words in lines] == ["up", "kill", "down"]
    assert len({tuple(words[:7]) for words in lines}) == 1, "each call names the same project and port"
    assert lines[0][1] == "100"
    assert lines[2][-1] == "--volumes"


def test_preparing_names_what_is_missing(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main() == prepare.CANNOT_RUN
    assert capsys.readouterr().out == "java maven\n"
    program(bare / "docker", "exit 0")
    assert prepare.main() == 0


def test_a_configured_broker_is_reached_not_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as full:
        address = f"127.0.0.1:{full.getsockname()[1]}"
    broker = Broker(address, ready_seconds=0.2)
    with pytest.raises(BrokerFailed, match=f"no broker at {address} after 0.2 s .*refused"):
        broker.start()
    assert broker.pid is None
    assert broker.address == address
    broker.close()


def test_a_taken_port_is_refused(bare: Path) -> None:
    program(bare / "docker", "exit 0")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(BrokerFailed, match=r"port \d+ of 127\.0\.0\.1 is taken"),
    ):
        Broker(port=server.getsockname()[1]).start()


def test_an_address_is_known_after_the_first_start() -> None:
    with pytest.raises(BrokerFailed, match="no address yet"):
        _ = Broker().address


def test_a_java_that_cannot_format_is_told_in_its_own_words(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(
        bare / "java",
        "echo 'openjdk version \"17.0.1\"' >&2\ncase $* in *StorageTool*) echo 'disk full'; exit 1;; esac",
    )
    (tmp_path / "jars").mkdir()
    monkeypatch.setattr(jars, "ensure_jars", lambda folder: folder)
    with pytest.raises(BrokerFailed, match="disk full"):
        Broker(data_dir=tmp_path / "data").start()
    assert json.dumps(str(tmp_path / "data")).strip('"') in (tmp_path / "data" / "server.properties").read_text()
