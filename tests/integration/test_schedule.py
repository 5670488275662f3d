"""Periodic training as a process of its own: it publishes what is good, holds back what is not, and ends in order."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import pytest

from app.publishing.announcements import read_announcements
from models.artifacts.artifact import read_artifact, read_manifest, write_artifact
from models.feedback.events import Event, Rate, encode_event
from tests.support.cluster.cluster import LIMITS, Cluster
from tests.support.cluster.published_models import random_model
from tests.support.cluster.worker_process import ROOT
from tests.support.tastes import two_tastes
from tests.support.waiting import wait_for

GATE = "gate = { min_recall_at_20 = 0.5, max_relative_drop = 0.05 }"


def job(region: str, events: Path, more: str = 'every = "1h"\nholdout = 0.25') -> str:
    return f'[[jobs]]\nregion = "{region}"\nevents = "{events}"\nfactors = 2\n{more}\n{GATE}\n'


def write_events(path: Path, events: Iterable[Event]) -> Path:
    path.write_bytes(b"".join(encode_event(event) + b"\n" for event in events))
    return path


def no_taste() -> Iterator[Event]:
    """Yield likes without any structure: 60 users like 20 of 200 videos each, by chance."""
    chance, ts = Random(7), datetime(2026, 1, 1, tzinfo=UTC)
    likes = [(user, video) for user in range(60) for video in chance.sample(range(200), 20)]
    chance.shuffle(likes)
    for user, video in likes:
        ts += timedelta(minutes=1)
        yield Rate(event_id=f"{user}-{video}", user_id=f"u{user}", video_id=f"v{video}", rating=5.0, ts=ts)


@contextmanager
def scheduling(cluster: Cluster, jobs: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run `nearline schedule` with these jobs, and make sure that it has ended afterwards."""
    file = cluster.folder / "jobs.toml"
    file.write_text(jobs)
    command = [sys.executable, "-m", "app", "schedule", str(file), "--json", *options]
    environ = {**os.environ, **cluster.environment()}
    with (cluster.folder / "schedule.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def once(cluster: Cluster, jobs: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Run every job once; return the exit status, and what was told of each run."""
    with scheduling(cluster, jobs, "--once", *options) as process:
        output, _ = process.communicate(timeout=120)
        return process.returncode, [json.loads(line) for line in output.splitlines()]


async def opened(pipe: Path) -> BinaryIO:
    """Open a pipe for writing, once the training reads it."""

    async def descriptor() -> int | None:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads it yet
            return None

    number = await wait_for("somebody who reads the events", descriptor, 60)
    os.set_blocking(number, True)
    return os.fdopen(number, "wb", buffering=0)


async def active(cluster: Cluster) -> dict[str, tuple[str, int]]:
    found = await read_announcements(cluster.connection, cluster.names.models)
    return {region: (one.newest.version, one.newest.sequence) for region, one in found.items()}


async def test_once_publishes_what_is_good_and_one_failure_touches_no_other_region(cluster: Cluster) -> None:
    events = write_events(cluster.folder / "events.jsonl", two_tastes())
    missing = cluster.folder / "missing-*.jsonl"
    status, (lost, found) = once(cluster, job("fr", missing) + job("global", events))
    assert status == 1
    assert (lost["region"], lost["verdict"], lost["version"]) == ("fr", "failed", None)
    assert lost["reason"] == f"no file is named {missing}"
    assert (found["region"], found["verdict"]) == ("global", "published")
    assert list(found) == ["region", "version", "metrics", "verdict", "reason", "seconds"]
    assert found["metrics"]["recall_at_20"]["nearline"] == 1.0  # there are fewer than 20 candidates
    assert found["reason"] == "recall_at_20 is 1.0000; nothing is active to compare it with"
    assert await active(cluster) == {"global": (found["version"], 0)}
    assert f"the job of region fr failed: no file is named {missing}" in (cluster.folder / "schedule.log").read_text()

    status, (again,) = once(cluster, job("fr", missing) + job("global", events), "--region", "global")
    assert status == 0
    assert await active(cluster) == {"global": (again["version"], 1)}
    manifest = read_manifest(cluster.store, "global", again["version"])
    assert (manifest.previous_version, manifest.hyperparameters["n_factors"]) == (found["version"], 2)
    (announced,) = (await read_announcements(cluster.connection, cluster.names.models)).values()
    assert announced.newest.canary
    assert announced.newest.previous_version is not None
    assert announced.newest.previous_version.version == found["version"]


async def test_the_gate_holds_back_what_is_worse_and_the_active_version_stays(cluster: Cluster) -> None:
    previous = random_model(1)
    manifest = write_artifact(
        cluster.store,
        previous,
        metrics={"recall_at_20": {"nearline": 0.9}, "questions": 10},
        created=datetime(2026, 1, 1, tzinfo=UTC),
        code_version="test",
        data_window={},
        previous_version=None,
        hyperparameters={},
    )
    await cluster.publisher().publish("global", manifest.version)
    events = write_events(cluster.folder / "events.jsonl", no_taste())
    lenient = job("global", events).replace("min_recall_at_20 = 0.5", "min_recall_at_20 = 0.0")
    status, (told,) = once(cluster, lenient)
    assert (status, told["verdict"], told["version"]) == (3, "held_back", None)
    assert told["metrics"]["recall_at_20"]["nearline"] < 0.3  # 20 of 180 are one in nine
    assert f"that of the active {manifest.version} 0.9000: " in told["reason"]
    assert told["reason"].endswith("less, 5.0% are allowed")
    assert cluster.store.versions("global") == [manifest.version]
    assert await active(cluster) == {"global": (manifest.version, 0)}

    status, (told,) = once(cluster, lenient.replace("= 0.05", "= 1.0"))
    assert (status, told["verdict"]) == (0, "published")
    assert await active(cluster) == {"global": (told["version"], 1)}


async def test_it_goes_on_until_it_is_told_to_end(cluster: Cluster) -> None:
    events = write_events(cluster.folder / "events.jsonl", two_tastes())
    often = 'every = "1s"\nholdout = 0.25'
    with scheduling(cluster, job("fr", cluster.folder / "none", often) + job("global", events, often)) as process:

        async def second_version() -> bool:
            return (await active(cluster)).get("global", ("", 0))[1] >= 1

        await wait_for("a second version", second_version, 60)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=15)
    assert process.returncode == 0, (cluster.folder / "schedule.log").read_text()
    runs = [json.loads(line) for line in output.splitlines()]
    assert {run["verdict"] for run in runs if run["region"] == "fr"} == {"failed"}
    versions = [run["version"] for run in runs if run["verdict"] == "published"]
    assert (await active(cluster))["global"] == (versions[-1], len(versions) - 1)
    assert cluster.store.versions("global") == sorted(versions)
    for version in versions:
        read_artifact(cluster.store, "global", version, digest=None, limits=LIMITS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_training_under_way_is_abandoned_and_leaves_nothing(cluster: Cluster, number: signal.Signals) -> None:
    pipe = cluster.folder / "events.jsonl"
    os.mkfifo(pipe)
    lines = [encode_event(event) + b"\n" for event in two_tastes()]
    with scheduling(cluster, job("global", pipe, 'every = "1s"')) as process, await opened(pipe) as file:
        file.writelines(lines)  # it waits for more
        process.send_signal(number)

        async def ended() -> bool:
            try:
                file.writelines(lines)
            except BrokenPipeError:
                return True
            return process.poll() is not None

        await wait_for("an end of the training", ended, 10)
        output, _ = process.communicate(timeout=10)
        assert process.returncode == 0
    (run,) = (json.loads(line) for line in output.splitlines())
    assert (run["verdict"], run["reason"], run["version"]) == ("abandoned", "the process was told to end", None)
    assert cluster.store.regions() == []
    assert await active(cluster) == {}


async def test_a_training_that_hangs_is_left_behind(cluster: Cluster) -> None:
    pipe = cluster.folder / "events.jsonl"
    os.mkfifo(pipe)
    with scheduling(cluster, job("global", pipe), "--once") as process, await opened(pipe):
        process.send_signal(signal.SIGTERM)  # nothing ever comes through the pipe
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(output)["verdict"] == "abandoned"
    assert cluster.store.regions() == []


def test_wrong_jobs_end_with_2(cluster: Cluster) -> None:
    with scheduling(cluster, job("global", Path("none"), 'every = "1"')) as process:
        assert process.wait(60) == 2
    sentence = (cluster.folder / "schedule.log").read_text()
    assert sentence.startswith("nearline: job 1 (region global) in ")
    assert sentence.count("\n") == 1
    assert once(cluster, job("global", Path("none")), "--region", "us") == (2, [])
