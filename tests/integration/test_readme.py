"""Every command of the README is run, in its order, in an empty folder."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.kafka.ports import free_ports
from tests.integration.readme import README, blocks
from tests.support.cluster.worker_process import answers
from tests.support.waiting import wait_for

TWO_COMMANDS = "./deploy/demo\n./deploy/test\n"


def test_the_two_commands_are_there_and_run_elsewhere() -> None:
    first, *_ = blocks()
    assert first.text == TWO_COMMANDS  # test_demo runs the first, and the second runs all tests
    for command in TWO_COMMANDS.split():
        assert os.access(README.parent / command, os.X_OK)


def test_every_script_that_is_named_is_there() -> None:
    named = set(re.findall(r"\./deploy/\w+", README.read_text(encoding="utf-8")))
    assert named >= {"./deploy/demo", "./deploy/test", "./deploy/bench"}
    assert all(os.access(README.parent / script, os.X_OK) for script in named)


def test_what_takes_minutes_is_run_by_a_test_of_its_own() -> None:
    long = [block.text for block in blocks() if block.kind == "sh long"]
    assert long == ["python -m tests.system.plain\n"]  # tests/system/plain/test_plain.py runs it


@pytest.mark.kafka
def test_the_other_commands_run_as_they_stand(tmp_path: Path) -> None:
    _, *rest = [block for block in blocks() if block.kind != "sh long"]
    ports = dict(zip(("9092", "8080", "8081"), map(str, free_ports(3)), strict=True))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NEARLINE_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NEARLINE_KAFKA__BOOTSTRAP": f"127.0.0.1:{ports['9092']}",
    }
    with services(tmp_path, environment) as start:
        for block in rest:
            text = re.sub(r"\b(9092|8080|8081)\b", lambda found: ports[found[0]], block.text)
            if block.kind == "sh":
                subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=tmp_path, env=environment, check=True)
                continue
            for line in text.splitlines():
                start.until_it_answers(line)


class Services:
    """Processes that run until the test ends."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def until_it_answers(self, command: str) -> None:
        """Start one service and wait until it is of use."""
        log = self.folder / f"service-{len(self.running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=output, stderr=output
            )
        self.running.append((command, process))
        port = re.findall(r"port (\d+)", command)[0]

        async def is_up() -> bool:
            assert process.poll() is None, f"{command} ended: {log.read_text()}"
            if "broker" in command:
                return f"127.0.0.1:{port}" in log.read_text()
            return (await answers(f"http://127.0.0.1:{port}/health/startup"))[0] == 200

        asyncio.run(wait_for(f"service from {command!r}", is_up, 90))


@contextmanager
def services(folder: Path, environment: dict[str, str]) -> Iterator[Services]:
    """Yield what starts services; at the end each is stopped, the last one first, and must end well."""
    started = Services(folder, environment)
    try:
        yield started
    finally:
        ended = []
        for command, process in reversed(started.running):
            process.send_signal(signal.SIGTERM)
            ended.append((command, process.wait(60)))
    assert [status for command, status in ended if "worker" in command] == [0, 0]
