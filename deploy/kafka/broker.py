"""One broker: started, stopped, killed, started again on the same port with the same data."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.kafka import compose, jars, java, local, metadata, ports
from deploy.kafka.errors import BrokerFailed, NoWayToRun
from deploy.kafka.plan import HEAP_MIB, Plan
from deploy.kafka.supervised import Supervised

_ATTEMPTS = 5
_TAIL_LINES = 30


class Broker:
    """A real Kafka broker on loopback, or the one that somebody configured.

    ``with Broker() as broker:`` starts it and ends it for good. `stop` or `kill` and then `start` bring back the
    same broker: same address, same data. Should this process vanish, the broker goes too, with its temporary folder.
    One thread at a time may use it.

    Parameters
    ----------
    address : str, optional
        ``host:port`` (several with commas) of a broker that runs already: it is only reached, never stopped.
    port : int, optional
        Port on loopback. None or 0: a free one, outside the kernel's range for clients.
    data_dir : Path, optional
        The broker's own folder, kept. None: a temporary one, removed by `close`.
    heap_mib : int
        The largest Java heap, MiB.
    ready_seconds : float
        How long `start` waits for a live broker.
    proxies : sequence of int
        Loopback ports of proxies, which need not listen yet. The broker has a listener for each (`behind`) whose
        clients are told the proxy's port; all other clients reach the broker itself. A container has none.

    Raises
    ------
    ValueError
        If the address is not ``host:port``.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        port: int | None = None,
        data_dir: Path | None = None,
        heap_mib: int = HEAP_MIB,
        ready_seconds: float = 60.0,
        proxies: Sequence[int] = (),
    ) -> None:
        self._servers = metadata.parse_address(address) if address else []
        self._configured = address
        self._fixed_port = port or None
        self._ports: tuple[int, int] | None = None
        self._behind = dict.fromkeys(proxies, 0)  # a port of ours for each, once started
        self._data_dir = data_dir
        self._temporary: Path | None = None
        self._heap_mib = heap_mib
        self._ready_seconds = ready_seconds
        self._plan: Plan | None = None
        self._process: Supervised | None = None

    @property
    def address(self) -> str:
        """The bootstrap address, ``host:port``.

        Raises
        ------
        BrokerFailed
            If the broker was never started, so that it has no port yet.
        """
        if self._configured:
            return self._configured
        if self._ports is None:
            raise BrokerFailed("this broker has no address yet: start it")
        return f"{ports.LOOPBACK}:{self._ports[0]}"

    def behind(self, proxy: int) -> tuple[str, int]:
        """Return host and port of the listener for the proxy at a port, for that proxy to connect to.

        Raises
        ------
        BrokerFailed
            If the broker was never started, or was not told of that proxy.
        """
        if not self._behind.get(proxy):
            raise BrokerFailed(
                f"this broker has no listener for a proxy at port {proxy}: start it with proxies=({proxy},)"
            )
        return ports.LOOPBACK, self._behind[proxy]

    @property
    def pid(self) -> int | None:
        """The broker's process (the Compose client's for a container), None while there is none of ours."""
        return self._process.pid if self._process else None

    def running(self) -> bool:
        """Tell whether our broker runs (True for a configured one)."""
        return bool(self._configured) or (self._process is not None and self._process.running())

    def start(self) -> None:
        """Start the broker and wait until it answers a metadata request; nothing if it runs.

        Raises
        ------
        NoWayToRun, JarsInvalid
            If this machine cannot run one.
        BrokerFailed
            If it ended or did not answer in time; the message ends with the tail of its log.
        """
        if self._configured:
            self._wait_until_ready(self._servers)
        elif not self.running():
            try:
                self._start_ours()
            except BaseException:  # Ctrl-C included: leave nothing behind
                self.kill() if self._data_dir else self.close()
                raise

    def stop(self) -> None:
        """Stop our broker in good order (SIGTERM, after 15 s SIGKILL); its port and data are kept for `start`."""
        if self._process is not None:
            self._process.terminate()
            self._process = None

    def kill(self) -> None:
        """Kill our broker as kill -9 does; its port and data are kept for `start`."""
        if self._process is not None:
            self._process.kill()
            self._process = None
            self._run(self._plan.kill if self._plan else [])

    def close(self) -> None:
        """Stop our broker for good, and remove its temporary folder."""
        self.stop()
        if self._plan is not None:
            self._run(self._plan.close)
            self._plan = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start_ours(self) -> None:
        first_start = self._ports is None
        for attempt in range(1, _ATTEMPTS + 1):
            chosen = self._ports = self._ports or self._choose_ports()
            self._plan = self._make_plan(chosen)
            self._process = Supervised(self._plan, self._temporary)
            try:
                self._wait_until_ready([(ports.LOOPBACK, chosen[0])])
            except BrokerFailed as failure:
                self.kill()
                if not first_start or attempt == _ATTEMPTS or "Address already in use" not in str(failure):
                    raise
                self._ports = None  # somebody was quicker: take others
            else:
                return

    def _choose_ports(self) -> tuple[int, int]:
        given = {self._fixed_port, *self._behind}
        found = ports.free_ports(2 + len(self._behind) + len(given))
        one, other, *more = (port for port in found if port not in given)
        self._behind = dict(zip(self._behind, more, strict=False))
        if self._fixed_port is None:
            return one, other
        if not ports.is_free(self._fixed_port):
            raise BrokerFailed(
                f"port {self._fixed_port} of {ports.LOOPBACK} is taken (Address already in use): "
                "stop what listens there, or give another port"
            )
        return self._fixed_port, one

    def _folder(self) -> Path:
        if self._data_dir is not None:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            return self._data_dir
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="nearline-kafka-"))
        return self._temporary

    def _make_plan(self, chosen: tuple[int, int]) -> Plan:
        program, folder = java.find_java(), jars.jar_folder()
        missing = missing_for_local(program, folder)
        if program is not None and not missing:
            jar_folder = jars.ensure_jars(folder)
            return local.local_plan(program, jar_folder, self._folder(), chosen, self._heap_mib, self._behind)
        if compose.docker_answers() and not self._behind:
            return compose.compose_plan(self._folder(), chosen[0], self._heap_mib, temporary=self._data_dir is None)
        raise NoWayToRun(missing)

    def _wait_until_ready(self, servers: list[tuple[str, int]]) -> None:
        deadline = time.monotonic() + self._ready_seconds
        problem = "no server answered"
        while time.monotonic() < deadline:
            for host, port in servers:
                try:
                    if metadata.live_brokers(host, port, timeout=5.0) > 0:
                        return
                    problem = f"{host}:{port} answers, but its controller has admitted no broker"
                except OSError as error:
                    problem = f"{host}:{port}: {error}"
            if not self.running():
                raise BrokerFailed(f"the broker ended while it was starting\n{self._log_tail()}")
            time.sleep(0.05)
        raise BrokerFailed(
            f"no broker at {self.address} after {self._ready_seconds:g} s ({problem})\n{self._log_tail()}"
        )

    def _log_tail(self) -> str:
        parts = []
        for log in self._plan.logs if self._plan else ():
            with contextlib.suppress(OSError):
                parts += log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join(parts)

    def _run(self, command: list[str]) -> None:
        if command and self._plan is not None:
            environment = os.environ | self._plan.environment
            subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)  # noqa: S603


def missing_for_local(program: Path | None, folder: Path) -> tuple[str, ...]:
    """Return what a broker from the jars lacks here: ``"java"``, and ``"maven"`` when the jars must be fetched."""
    maven = folder.is_dir() or shutil.which("mvn")
    return tuple(name for name, there in (("java", program), ("maven", maven)) if not there)
