"""The broker's configuration: one small node that is both broker and controller (KRaft).

What a worker must be able to rely on is real (no automatic topics, the cleaner runs, group coordination); what is
only there for large clusters is small, so that the node starts quickly and fits into its heap.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_NO_PROXIES: Mapping[int, int] = MappingProxyType({})

# Everything has one replica. Four partitions of internal topics instead of fifty: they are made at first use.
# After kill -9 the controller admits the same broker again only when the session of the killed one has timed out.
COMMON: dict[str, str] = {
    "auto.create.topics.enable": "false",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "default.replication.factor": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.cleaner.enable": "true",
    "node.id": "1",
    "num.io.threads": "4",
    "num.network.threads": "2",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "process.roles": "broker,controller",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
}


def broker_properties(port: int, controller_port: int, data: Path, proxies: Mapping[int, int] = _NO_PROXIES) -> str:
    """Return the text of ``server.properties`` for a node on loopback.

    Parameters
    ----------
    port, controller_port : int
        Where broker and controller listen.
    data : Path
        The folder of its data.
    proxies : mapping of int to int
        For each port of a proxy the port of a listener behind it. Who comes through a proxy is told the proxy's port
        for every further connection, so that none of them goes past it.
    """
    listeners, advertised = {"BROKER": port}, {"BROKER": port}
    for number, (proxy, behind) in enumerate(proxies.items(), start=1):
        listeners[f"PROXY{number}"], advertised[f"PROXY{number}"] = behind, proxy
    listeners["CONTROLLER"] = controller_port
    own = {
        "listeners": ",".join(f"{name}://127.0.0.1:{at}" for name, at in listeners.items()),
        "advertised.listeners": ",".join(f"{name}://127.0.0.1:{at}" for name, at in advertised.items()),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": _escape(str(data)),
    }
    return "".join(f"{name}={value}\n" for name, value in sorted((COMMON | own).items()))


def _escape(value: str) -> str:
    """Write a value for Java's properties format: backslashes double, anything but ASCII as UTF-16 escapes."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)
