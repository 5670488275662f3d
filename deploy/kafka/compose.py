"""A broker in a container, by Docker Compose: where Java is absent but a Docker engine answers."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from deploy.kafka.plan import Plan

_FILE = Path(__file__).with_name("compose.yaml")


def docker_answers() -> bool:
    """Tell whether a Docker engine with the compose plugin answers."""
    docker = shutil.which("docker")
    return docker is not None and all(_succeeds([docker, *words]) for words in (["info"], ["compose", "version"]))


def compose_plan(folder: Path, port: int, heap_mib: int, *, temporary: bool) -> Plan:
    """Say what to run for a container that publishes `port` on loopback.

    The data are in a volume, named after `folder`; that of a temporary broker goes when the broker goes.
    """
    docker = shutil.which("docker") or "docker"
    name = "nearline-kafka-" + hashlib.sha256(bytes(folder.resolve())).hexdigest()[:12]
    compose = [docker, "compose", "-f", str(_FILE), "-p", name]
    output = folder / "console.log"
    return Plan(
        [*compose, "up", "--no-color", "--abort-on-container-exit"],
        output=output,
        logs=(output,),
        environment={"BROKER_PORT": str(port), "BROKER_HEAP_MIB": str(heap_mib)},
        kill=[*compose, "kill"],
        close=[*compose, "down", "--timeout", "5", *(["--volumes"] if temporary else [])],
    )


def _succeeds(command: list[str]) -> bool:
    try:
        answer = subprocess.run(command, capture_output=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0
