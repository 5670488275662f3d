"""The demonstration as a stranger starts it, on a few ratings."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.demonstration.summary import Summary

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "deploy.demonstration", "--once", "--json", "--ratings", "3000"]
SECONDS = 240


@pytest.fixture
def environment(kafka: str, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "NEARLINE_KAFKA__BOOTSTRAP": kafka, "TMPDIR": str(tmp_path)}


def demo_topics(bootstrap: str) -> set[str]:
    async def listed() -> set[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            return {name for name in await admin.list_topics() if name.startswith("demo-")}
        finally:
            await admin.close()

    return asyncio.run(listed())


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_ends_with_one_json_object_and_leaves_nothing_behind(
    kafka: str, environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert list(found) == list(Summary.__struct_fields__)
    assert (found["events_sent"], found["events_applied"], found["events_rejected"]) == (3006, 3000, 6)
    assert (found["workers"], found["parity_mismatches"]) == (2, 0)
    assert 0 < found["visible_p50_ms"] <= found["visible_p99_ms"]
    assert all(0 <= value <= 1 for value in (*found["recall_at_20"].values(), *found["ndcg_at_20"].values()))
    assert found["model_version"] in done.stderr
    assert demo_topics(kafka) == set()
    assert list(tmp_path.iterdir()) == []


def test_sigterm_ends_the_workers_too(kafka: str, environment: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stderr is not None
        said = ""
        while (line := demo.stderr.readline()) and "Ready after" not in line:
            said += line
        ports = [int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", line)]
        assert len(ports) == 2, said
        demo.send_signal(signal.SIGTERM)
        demo.stderr.read()
        assert demo.wait(SECONDS) == 130
    assert not any(map(listens, ports))
    assert demo_topics(kafka) == set()
    assert list(tmp_path.iterdir()) == []
