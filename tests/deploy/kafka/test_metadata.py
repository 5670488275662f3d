import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from deploy.kafka.metadata import live_brokers, parse_address


@contextmanager
def server(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """A server on loopback that answers one request; yields its port."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
            connection.sendall(answer(connection.recv(size, socket.MSG_WAITALL)))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def metadata(brokers: int) -> Callable[[bytes], bytes]:
    """The head of an answer with so many brokers, after a check of the request's head."""

    def answer(request: bytes) -> bytes:
        key, version, correlation = struct.unpack_from(">hhi", request)
        assert (key, version) == (3, 4)
        body = struct.pack(">iii", correlation, 0, brokers) + b"\x00" * 8
        return struct.pack(">i", len(body)) + body

    return answer


@pytest.mark.parametrize("brokers", [0, 1, 3])
def test_counts_live_brokers(brokers: int) -> None:
    with server(metadata(brokers)) as port:
        assert live_brokers("127.0.0.1", port, 5) == brokers


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak Kafka"),
        (b"\x00\x00", "closed after 2 of 4"),
        (struct.pack(">iiiiii", 20, 99, 0, 1, 0, 0), "answered request 99"),
    ],
)
def test_other_servers_are_no_brokers(answer: bytes, message: str) -> None:
    with server(lambda _: answer) as port, pytest.raises(OSError, match=message):
        live_brokers("127.0.0.1", port, 5)


def test_addresses() -> None:
    assert parse_address("a:1,kafka://b:2, [::1]:3") == [("a", 1), ("b", 2), ("::1", 3)]


@pytest.mark.parametrize("address", ["", "localhost", ":9092", "a:b", "a:0", "a:65536", "a:1,,b:2"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        parse_address(address)
