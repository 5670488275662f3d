"""Half the start-up time of every later broker, for one start now: Java's archive of loaded classes (JEP 350).

A broker spends most of its start loading and verifying classes: 6.6 s of CPU without the archive, 4.1 s with it.
The archive belongs to one Java and these jars; a Java that it does not fit ignores it.
"""

import dataclasses
import tempfile
import time
from pathlib import Path

from deploy.kafka import local, metadata, ports
from deploy.kafka.plan import HEAP_MIB
from deploy.kafka.supervised import Supervised

_READY_SECONDS = 60.0


def write_archive(java: Path, jars: Path) -> bool:
    """Run a broker once and have Java write what it loaded to ``classes.jsa``; tell whether it is there."""
    archive = local.archive_of(jars)
    if not archive.exists():
        with tempfile.TemporaryDirectory(prefix="nearline-kafka-") as folder:
            scratch = archive.with_suffix(f".{Path(folder).name}")
            if _run_once(java, jars, Path(folder), scratch):
                scratch.rename(archive)
            scratch.unlink(missing_ok=True)
    return archive.exists()


def _run_once(java: Path, jars: Path, folder: Path, scratch: Path) -> bool:
    one, other = ports.free_ports(2)
    plan = local.local_plan(java, jars, folder, (one, other), heap_mib=HEAP_MIB)
    command = [plan.command[0], f"-XX:ArchiveClassesAtExit={scratch}", *plan.command[1:]]
    process = Supervised(dataclasses.replace(plan, command=command), remove=folder)
    try:
        ready = _answers(process, one)
    finally:
        process.terminate()
    return ready and scratch.exists()


def _answers(process: Supervised, port: int) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    while process.running() and time.monotonic() < deadline:
        try:
            if metadata.live_brokers(ports.LOOPBACK, port, timeout=5.0):
                return True
        except OSError:
            time.sleep(0.05)
    return False
