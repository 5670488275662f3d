"""A broker from the jars, under this machine's Java."""

import base64
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from deploy.kafka.errors import BrokerFailed
from deploy.kafka.plan import Plan
from deploy.kafka.properties import broker_properties

_LOG4J = Path(__file__).with_name("log4j2.xml")
_SECONDS_TO_FORMAT = 120


def local_plan(
    java: Path,
    jars: Path,
    folder: Path,
    ports: tuple[int, int],
    heap_mib: int,
    proxies: Mapping[int, int] | None = None,
) -> Plan:
    """Write the configuration and format the storage where that was not done, and say what to run.

    Parameters
    ----------
    java, jars : Path
        The `java` program and the folder with Kafka's jars.
    folder : Path
        The broker's own folder; exists. It gets ``data/``, ``server.properties``, ``server.log``, ``console.log``.
    ports : tuple of int
        The broker's port and the controller's.
    heap_mib : int
        The largest heap, MiB.
    proxies : mapping of int to int, optional
        Listeners behind proxies, as `broker_properties` takes them.
    """
    folder = folder.resolve()
    properties, data, log = folder / "server.properties", folder / "data", folder / "server.log"
    properties.write_text(broker_properties(*ports, data, proxies or {}), encoding="ascii")
    if not (data / "meta.properties").exists():
        _format_storage(java, jars, properties)
    command = [
        *_jvm(java, jars, heap_mib),
        f"-Dlog4j2.configurationFile={_LOG4J}",
        f"-Dnearline.log={log}",
        "kafka.Kafka",
        str(properties),
    ]
    console = folder / "console.log"
    return Plan(command, output=console, logs=(console, log))


def archive_of(jars: Path) -> Path:
    """Return where the archive of loaded classes lies, if there is one (:mod:`deploy.kafka.archive`)."""
    return jars / "classes.jsa"


def _jvm(java: Path, jars: Path, heap_mib: int) -> list[str]:
    # The serial collector: one small heap, and no collector threads on cores that the workers need.
    # The classes in one order, as an archive fits only the class path that it was written with.
    archive, classes = archive_of(jars), ":".join(str(jar) for jar in sorted(jars.resolve().glob("*.jar")))
    shared = [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-Xlog:cds=off"] if archive.exists() else []
    return [str(java), f"-Xmx{heap_mib}m", "-XX:+UseSerialGC", *shared, "-cp", classes]


def _format_storage(java: Path, jars: Path, properties: Path) -> None:
    """Write the identity of a new single-node cluster into its data folder.

    Raises
    ------
    BrokerFailed
        If the tool fails, with what it said.
    """
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    jvm = [*_jvm(java, jars, 128), "-XX:TieredStopAtLevel=1"]
    command = [*jvm, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_TO_FORMAT, check=False)  # noqa: S603
    if answer.returncode != 0:
        raise BrokerFailed(f"Kafka could not format {properties.parent}: {(answer.stdout + answer.stderr).strip()}")
