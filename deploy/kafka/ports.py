"""Free loopback ports that no client can take by accident.

The kernel gives outgoing connections ports from ``ip_local_port_range``. A client that retries a broker which
is down, on a port of that range, is sooner or later given that very port as its own source, connects to itself
and keeps the broker from starting again. Brokers therefore get ports outside the range.
"""

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000


def ephemeral_range() -> tuple[int, int]:
    """Return the first and the last port that the kernel gives to outgoing connections."""
    try:
        first, last = _EPHEMERAL.read_text().split()
    except OSError:
        return 32_768, 60_999
    return int(first), int(last)


def server_ports(first: int, last: int) -> range:
    """Return the ports for servers, given the kernel's range ``first``..``last`` for clients.

    Below the range where there is room, else above it, else (the range is nearly everything) inside it.
    """
    below, above = range(min(_LOWEST, first), first), range(last + 1, 65_536)
    if len(below) >= 1_000:
        return below
    return above if len(above) >= 1_000 else range(_LOWEST, 65_536)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As Java's server sockets do: connections of a previous broker in TIME_WAIT are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` different ports that are free now.

    They are not reserved: who loses a race for one asks again.

    Raises
    ------
    OSError
        If fewer than `count` are free.
    """
    candidates = server_ports(*ephemeral_range())
    found: list[int] = []
    for port in random.sample(candidates, len(candidates)):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return tuple(found)
    raise OSError(f"only {len(found)} free ports in {candidates}, {count} needed: stop what listens there")
