"""Is a broker ready? Asked as a client asks: by a metadata request that must name a live broker.

A port that accepts connections is not enough: a KRaft broker listens before the controller has admitted it.
Written on a plain socket, so that it needs no client library and works in threads and event loops alike.
The request is Metadata version 4 (Kafka 0.11 to 4.x), https://kafka.apache.org/protocol#The_Messages_Metadata.
"""

import socket
import struct

_API_KEY, _API_VERSION, _CORRELATION = 3, 4, 7
_CLIENT = b"nearline-launcher"
_LARGEST_ANSWER = 1 << 20


def live_brokers(host: str, port: int, timeout: float) -> int:
    """Ask one server how many live brokers its cluster has.

    Parameters
    ----------
    host, port : str, int
        Where to ask.
    timeout : float
        Seconds for each step of the exchange.

    Raises
    ------
    OSError
        If nobody listens, or the answer does not come, or it is none of Kafka's.
    """
    with socket.create_connection((host, port), timeout) as connection:
        connection.sendall(_request())
        (size,) = struct.unpack(">i", _read(connection, 4))
        if not 16 <= size <= _LARGEST_ANSWER:
            raise OSError(f"{host}:{port} does not speak Kafka's protocol: an answer of {size} bytes")
        answer = _read(connection, size)
    correlation, _throttle_ms, brokers = struct.unpack_from(">iii", answer)
    if correlation != _CORRELATION:
        raise OSError(f"{host}:{port} answered request {correlation} instead of {_CORRELATION}")
    return int(brokers)


def parse_address(address: str) -> list[tuple[str, int]]:
    """Split a bootstrap address, ``host:port`` or several with commas, IPv6 hosts in brackets.

    >>> parse_address("127.0.0.1:9092, kafka-1.example:9093,[::1]:9094")
    [('127.0.0.1', 9092), ('kafka-1.example', 9093), ('::1', 9094)]

    Raises
    ------
    ValueError
        If a part is not ``host:port``.
    """
    servers = []
    for part in address.split(","):
        host, _, port = part.strip().removeprefix("kafka://").rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ValueError(f"{part.strip()!r} in the address {address!r} is not host:port")
        servers.append((host.strip("[]"), int(port)))
    return servers


def _request() -> bytes:
    no_topics, create_topics = struct.pack(">i", 0), b"\x00"
    header = struct.pack(f">hhih{len(_CLIENT)}s", _API_KEY, _API_VERSION, _CORRELATION, len(_CLIENT), _CLIENT)
    body = header + no_topics + create_topics
    return struct.pack(">i", len(body)) + body


def _read(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError(f"the connection was closed after {len(parts)} of {size} bytes")
        parts += part
    return bytes(parts)
