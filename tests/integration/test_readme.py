"""Every command of the documents is run, in their order, in an empty folder and on one broker: the README's first."""

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
from tests.integration.readme import README, Block, blocks, ports_of
from tests.support.cluster.worker_process import answers
from tests.support.waiting import wait_for

TWO_COMMANDS = "./deploy/demo\n./deploy/test\n"
ELSEWHERE = {TWO_COMMANDS, "python -m tests.system.plain\n", "python -m tests.mutants\n"}
"""What takes minutes: test_demo runs the demo, whoever runs this runs the tests, tests/system/plain the comparison,
and tests/mutants the mutants."""
KINDS = {"sh", "sh service", "sh checkout", "sh long"}
NO_MODEL = "no model is active yet"


def test_the_two_commands_come_first_and_run_elsewhere() -> None:
    first, *_ = blocks()
    assert (first.document, first.text) == (README, TWO_COMMANDS)
    for command in TWO_COMMANDS.split():
        assert os.access(README.parent / command, os.X_OK)


def test_every_block_says_how_it_is_run() -> None:
    assert {block.kind for block in blocks()} == KINDS


def test_what_takes_minutes_is_run_by_tests_of_its_own() -> None:
    assert {block.text for block in blocks() if block.kind == "sh long"} == ELSEWHERE


@pytest.mark.kafka
def test_the_other_commands_run_as_they_stand(tmp_path: Path) -> None:
    rest = [block for block in blocks() if block.kind != "sh long"]
    named = ports_of(rest)
    ports = dict(zip(named, map(str, free_ports(len(named))), strict=True))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NEARLINE_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NEARLINE_KAFKA__BOOTSTRAP": f"127.0.0.1:{ports['9092']}",
    }
    with services(tmp_path, environment) as start:
        for block in rest:
            text = re.sub(rf"\b({'|'.join(named)})\b", lambda found: ports[found[0]], block.text)
            if block.kind == "sh service":
                for line in text.splitlines():
                    start.until_it_answers(line)
            else:
                start.until_all_have_settled()
                run(block, text, tmp_path, environment)


def run(block: Block, text: str, folder: Path, environment: dict[str, str]) -> None:
    """Run commands to their end; the first one that fails is an error."""
    where = README.parent if block.kind == "sh checkout" else folder
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{block.document}: status {done.returncode}\n{text}\n{done.stdout}{done.stderr}"


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
        port = port_of(command)

        async def is_up() -> bool:
            assert process.poll() is None, f"{command} ended: {log.read_text()}"
            if "broker" in command:
                return f"127.0.0.1:{port}" in log.read_text()
            return (await answers(f"http://127.0.0.1:{port}/health/startup"))[0] == 200

        asyncio.run(wait_for(f"service from {command!r}", is_up, 90))

    def until_all_have_settled(self) -> None:
        """Wait until every worker has taken its partitions over; before the first model none is ready."""
        ports = [port_of(command) for command, _ in self.running if "worker" in command]

        async def are_settled() -> bool:
            said = [await answers(f"http://127.0.0.1:{port}/health/ready") for port in ports]
            return all(status == 200 or (status and body["detail"] == NO_MODEL) for status, body in said)

        asyncio.run(wait_for("workers that have settled", are_settled, 90))


def port_of(command: str) -> str:
    """Return the port that a service listens on."""
    return str(re.findall(r"port (\d+)", command)[0])


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
    assert [status for command, status in ended if "worker" in command] == [0, 0, 0]
