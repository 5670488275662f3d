"""Three brokers on loopback, each controller, too: what one broker cannot show, as the death of a leader."""

import base64
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from deploy.kafka import NoWayToRun, jars, java, metadata
from deploy.kafka.broker import missing_for_local
from deploy.kafka.plan import Plan
from deploy.kafka.ports import LOOPBACK, free_ports
from deploy.kafka.properties import COMMON
from deploy.kafka.supervised import Supervised

_HEAP_MIB = 300
_NODES = (1, 2, 3)
_READY_SECONDS = 90.0
_COPIES = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
}


@dataclass
class Node:
    """One of the three: how it is started, and its process while it runs."""

    plan: Plan
    port: int
    process: Supervised | None = None

    def start(self) -> None:
        """Start the process."""
        self.process = Supervised(self.plan)

    def kill(self) -> None:
        """Kill -9; its data stay for the next start."""
        if self.process is not None:
            self.process.kill()
            self.process = None


class ThreeBrokers:
    """A cluster of three nodes; every topic has three copies, two of which must acknowledge.

    Parameters
    ----------
    nodes : by node id.
    """

    def __init__(self, nodes: dict[int, Node]) -> None:
        self.nodes = nodes

    @property
    def address(self) -> str:
        """The bootstrap address, of all three."""
        return ",".join(f"{LOOPBACK}:{node.port}" for node in self.nodes.values())

    def wait_for_all(self) -> None:
        """Wait until each node sees three live ones."""
        deadline = time.monotonic() + _READY_SECONDS
        for node in self.nodes.values():
            while not _sees_three(node.port):
                assert time.monotonic() < deadline, "\n".join(log.read_text()[-2_000:] for log in node.plan.logs)
                time.sleep(0.1)


def _sees_three(port: int) -> bool:
    try:
        return metadata.live_brokers(LOOPBACK, port, timeout=5.0) == len(_NODES)
    except OSError:
        return False


@contextmanager
def three_brokers(folder: Path) -> Iterator[ThreeBrokers]:
    """Start three nodes that keep their data in a folder, and end them.

    Raises
    ------
    NoWayToRun
        Without Java, or Kafka's jars.
    """
    program, jar_folder = java.find_java(), jars.jar_folder()
    missing = missing_for_local(program, jar_folder)
    if program is None or missing:
        raise NoWayToRun(missing)
    classes = ":".join(str(jar) for jar in sorted(jars.ensure_jars(jar_folder).resolve().glob("*.jar")))
    ports = free_ports(2 * len(_NODES))
    voters = ",".join(f"{node}@{LOOPBACK}:{port}" for node, port in zip(_NODES, ports[1::2], strict=True))
    identity = base64.urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()
    made = ThreeBrokers({})
    for node, port, controller in zip(_NODES, ports[::2], ports[1::2], strict=True):
        home = folder / f"broker-{node}"
        home.mkdir(parents=True)
        properties = home / "server.properties"
        properties.write_text(_properties(node, port, controller, voters, home / "data"), encoding="ascii")
        jvm = [str(program), f"-Xmx{_HEAP_MIB}m", "-XX:+UseSerialGC", "-cp", classes]
        _format(jvm, properties, identity)
        made.nodes[node] = Node(
            Plan([*jvm, "kafka.Kafka", str(properties)], home / "console.log", (home / "console.log",)), port
        )
    try:
        for one in made.nodes.values():
            one.start()
        made.wait_for_all()
        yield made
    finally:
        for one in made.nodes.values():
            one.kill()


def _properties(node: int, port: int, controller: int, voters: str, data: Path) -> str:
    own = {
        "node.id": str(node),
        "listeners": f"BROKER://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"BROKER://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": voters,
        "log.dirs": str(data),
    }
    return "".join(f"{name}={value}\n" for name, value in sorted((COMMON | _COPIES | own).items()))


def _format(jvm: list[str], properties: Path, identity: str) -> None:
    command = [*jvm, "kafka.tools.StorageTool", "format", f"--cluster-id={identity}", "-c", str(properties)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ)
    assert answer.returncode == 0, answer.stdout + answer.stderr
