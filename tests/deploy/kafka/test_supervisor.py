"""No process outlives its starter, however the starter ends."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deploy.kafka import supervised
from deploy.kafka.plan import Plan
from deploy.kafka.supervised import Supervised
from tests.deploy.kafka.processes import is_gone

SLEEP = ["sleep", "1000"]


def plan(folder: Path, command: list[str], close: list[str] | None = None) -> Plan:
    output = folder / "output"
    return Plan(command, output=output, logs=(output,), close=close or [])


def ready(folder: Path) -> Path:
    """Make a named pipe through which a process says that it is up; reading it waits for that."""
    pipe = folder / "ready"
    os.mkfifo(pipe)
    return pipe


def test_terminate_gives_the_process_its_chance(tmp_path: Path) -> None:
    up = ready(tmp_path)
    script = f"sleep 1000 & trap 'kill $!; echo ending; exit 7' TERM; echo up >{up}; wait"
    process = Supervised(plan(tmp_path, ["bash", "-c", script]))
    assert up.read_text() == "up\n"
    assert process.terminate() == 7
    assert (tmp_path / "output").read_text() == "ending\n"
    assert is_gone(process.pid)


def test_who_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "GRACE_SECONDS", 0.1)
    up = ready(tmp_path)
    process = Supervised(plan(tmp_path, ["sh", "-c", f"trap '' TERM; echo up >{up}; exec sleep 1000"]))
    assert up.read_text() == "up\n"
    assert process.terminate() == 128 + signal.SIGKILL


def test_kill_is_kill_9_and_leaves_the_folder(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    process = Supervised(plan(tmp_path, SLEEP, close=["touch", str(tmp_path / "closed")]), remove=kept)
    assert process.running()
    assert process.kill() == 128 + signal.SIGKILL
    assert not process.running()
    assert kept.exists()
    assert not (tmp_path / "closed").exists()


def test_a_process_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    process = Supervised(plan(tmp_path, ["sh", "-c", "exit 5"]))
    assert is_gone(process.pid)
    assert process.terminate() == 5


def test_kill_9_of_the_supervisor_ends_the_process(tmp_path: Path) -> None:
    process = Supervised(plan(tmp_path, SLEEP))
    os.kill(process._supervisor.pid, signal.SIGKILL)
    assert is_gone(process.pid)
    process.kill()


def test_a_process_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started: list[Supervised] = []
    thread = threading.Thread(target=lambda: started.append(Supervised(plan(tmp_path, SLEEP))))
    thread.start()
    thread.join()
    assert started[0].running()
    started[0].terminate()


# A starter in a process of its own: prints the process's id, then waits for ever. With "fork", a child of the
# starter that holds a copy of every open file lives on.
STARTER = """
import json, os, signal, sys
from pathlib import Path
from deploy.kafka.plan import Plan
from deploy.kafka.supervised import Supervised
folder = Path(sys.argv[1])
plan = Plan(["sleep", "1000"], output=folder / "output", logs=(), close=["touch", str(folder / "closed")])
process = Supervised(plan, remove=folder / "temporary")
child = os.fork() if sys.argv[2] == "fork" else 0
if child or sys.argv[2] != "fork":
    print(json.dumps([process.pid, process._supervisor.pid, child]), flush=True)
signal.sigwait([signal.SIGUSR1])
"""


@pytest.mark.parametrize("forked", ["fork", "alone"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_an_abandoned_process_ends_and_its_folder_goes(tmp_path: Path, end: signal.Signals, forked: str) -> None:
    (tmp_path / "temporary" / "data").mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path), forked], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    ) as starter:
        assert starter.stdout is not None
        process, supervisor, child = map(int, starter.stdout.readline().strip(b"[]\n").split(b","))
        starter.send_signal(end)
    try:
        assert is_gone(process)
        assert is_gone(supervisor)
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
    assert not (tmp_path / "temporary").exists()
    assert (tmp_path / "closed").exists()
