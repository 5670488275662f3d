"""A TCP proxy on loopback between Kafka clients and one broker: late, holding requests back, deaf, dumb or gone.

It knows where a request begins and of which kind it is (int32 length, int16 api key, int16 version, int32
correlation, string client id, see https://kafka.apache.org/protocol#protocol_messages), so that a fault can be for some
kinds and some clients only. What a fault does not concern goes through as it came, in its order.

    with Broker(proxies=[port]) as broker:
        async with KafkaProxy(port, broker.behind(port)) as proxy:
            ...  # clients at proxy.address pass through it with all their connections, others do not
"""

import asyncio
import contextlib
import struct
import time
from asyncio import StreamReader, StreamWriter
from collections import Counter
from enum import Enum, auto
from typing import Self

PRODUCE, FETCH, METADATA, OFFSET_COMMIT, FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT = 0, 1, 3, 8, 10, 11, 12
SYNC_GROUP, API_VERSIONS = 14, 18
"""Kinds of requests, by Kafka's api keys."""

_LENGTH, _HEADER = struct.Struct(">i"), struct.Struct(">hhih")
_LARGEST_REQUEST = 100 << 20  # the broker's own bound, socket.request.max.bytes
_WAITING_REQUESTS = 64  # a client that sends more than this past a late request feels it, as it would on a wire


class Direction(Enum):
    """The way that bytes go."""

    TO_BROKER = auto()
    TO_CLIENT = auto()


class KafkaProxy:
    """Listens on a loopback port while its context lasts.

    A new proxy passes everything on. A request that waits here reaches the broker even when its client was killed
    meanwhile, as a packet that was under way does; `cut` loses it.

    Parameters
    ----------
    port : where to listen; the broker was started with it among its `proxies`.
    broker : host and port of the broker's listener behind this proxy.
    clients : faults concern the connections whose client id begins so; by default every one.

    Attributes
    ----------
    passed : requests that were handed to the broker, by kind.
    passed_at : when the last of each kind was, on the monotonic clock.
    waiting : requests that wait here now because their kind is held.
    """

    def __init__(self, port: int, broker: tuple[str, int], clients: str = "") -> None:
        self.port, self.clients = port, clients
        self.passed: Counter[int] = Counter()
        self.passed_at: dict[int, float] = {}
        self.waiting = 0
        self._broker = broker
        self._delays: dict[int, float] = {}
        self._held: frozenset[int] = frozenset()
        self._swallowed: set[Direction] = set()
        self._refusing = False
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: dict[_Connection, asyncio.Task[None]] = {}

    @property
    def address(self) -> str:
        """The bootstrap address for clients, ``host:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many clients' connections are open."""
        return len(self._connections)

    def delay(self, seconds: float, *kinds: int) -> None:
        """Let requests of these kinds, and what follows on their connections, come `seconds` late; 0 ends it."""
        self._delays |= dict.fromkeys(kinds, seconds)

    def hold(self, *kinds: int) -> None:
        """Hold requests of these kinds back, and what follows on their connections, until `release`."""
        self._held |= set(kinds)

    def release(self) -> None:
        """Pass on what was held."""
        self._held = frozenset()
        self._announce()

    def swallow(self, *directions: Direction) -> None:
        """Lose what is sent in these directions, and say nothing; the connections stay open until `heal`."""
        self._swallowed |= set(directions)

    def strand(self) -> None:
        """Lose whatever is sent on the connections that are open now, and say nothing; new ones are well."""
        for connection in self._connections:
            connection.stranded = connection.torn = True

    def heal(self) -> None:
        """Lose nothing any more, and cut the connections that have lost something."""
        self._swallowed.clear()
        for connection in list(self._connections):
            if connection.torn:
                connection.abort()

    def cut(self) -> None:
        """Reset every connection; what waited here is lost. Clients may connect again."""
        for connection in list(self._connections):
            connection.abort()

    def refuse(self) -> None:
        """Reset every connection, and each new one, until `accept`."""
        self._refusing = True
        self.cut()

    def accept(self) -> None:
        """Take connections again."""
        self._refusing = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        ending = list(self._connections.values())
        self.cut()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._server.wait_closed()

    def loses(self, direction: Direction, client: str) -> bool:
        """Return whether bytes of a client are lost in this direction now."""
        return direction in self._swallowed and client.startswith(self.clients)

    def due(self, kind: int, client: str) -> float:
        """Return when, on the event loop's clock, a request that has just come may go on."""
        late = self._delays.get(kind, 0.0) if client.startswith(self.clients) else 0.0
        return asyncio.get_running_loop().time() + late

    async def released(self, kind: int, client: str) -> None:
        """Wait until a request of this kind is not held."""
        if kind not in self._held or not client.startswith(self.clients):
            return
        self.waiting += 1
        try:
            while kind in self._held:
                await self._changed.wait()
        finally:
            self.waiting -= 1

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            broker = await asyncio.open_connection(*self._broker)
        except OSError:  # the broker is down, so the client sees it go
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(self, (reader, writer), broker)
        self._connections[connection] = task
        try:
            await connection.run()
        finally:
            connection.close()
            del self._connections[connection]


class _Connection:
    """One client's connection and the one to the broker that belongs to it."""

    def __init__(
        self, proxy: KafkaProxy, client: tuple[StreamReader, StreamWriter], broker: tuple[StreamReader, StreamWriter]
    ) -> None:
        self.torn = False
        self.stranded = False
        self._proxy = proxy
        self._from_client, self._to_client = client
        self._from_broker, self._to_broker = broker
        self._client = ""
        self._requests: asyncio.Queue[tuple[float, int, bytes] | None] = asyncio.Queue(_WAITING_REQUESTS)

    async def run(self) -> None:
        """Pass on until either side ends, and requests that came before the client's end even then."""
        answers = asyncio.create_task(self._pass_answers())
        requests = asyncio.create_task(self._pass_requests())
        taking = asyncio.create_task(self._take_requests())
        try:
            # the broker closes when it has read our end, or by itself; then nothing can be passed on any more
            await asyncio.wait((answers, requests), return_when=asyncio.FIRST_COMPLETED)
            if requests.done():
                await answers
        finally:
            for task in (answers, requests, taking):
                task.cancel()
            for outcome in await asyncio.gather(answers, requests, taking, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome

    def close(self) -> None:
        """End both sides when what was written to them is sent."""
        self._to_client.close()
        self._to_broker.close()

    def abort(self) -> None:
        """Reset both sides."""
        self._to_client.transport.abort()
        self._to_broker.transport.abort()

    async def _take_requests(self) -> None:
        proxy = self._proxy
        try:
            while True:
                request = await _read_request(self._from_client)
                kind, self._client = _kind_and_client(request)
                if self.stranded or proxy.loses(Direction.TO_BROKER, self._client):
                    self.torn = True
                else:
                    await self._requests.put((proxy.due(kind, self._client), kind, request))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            await self._requests.put(None)

    async def _pass_requests(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while (waiting := await self._requests.get()) is not None:
                due, kind, request = waiting
                await asyncio.sleep(due - loop.time())
                await self._proxy.released(kind, self._client)
                self._to_broker.write(request)
                await self._to_broker.drain()
                self._proxy.passed[kind] += 1
                self._proxy.passed_at[kind] = time.monotonic()
            self._to_broker.write_eof()

    async def _pass_answers(self) -> None:
        client_listens = True
        with contextlib.suppress(ConnectionError):
            while answer := await self._from_broker.read(1 << 16):
                if self.stranded or self._proxy.loses(Direction.TO_CLIENT, self._client):
                    self.torn = True
                elif client_listens:
                    try:
                        self._to_client.write(answer)
                        await self._to_client.drain()
                    except ConnectionError:  # it was killed; the broker shall still get what it had sent
                        client_listens = False


async def _read_request(reader: StreamReader) -> bytes:
    """Return a whole request, its length before it."""
    prefix = await reader.readexactly(_LENGTH.size)
    (length,) = _LENGTH.unpack(prefix)
    if not _HEADER.size <= length <= _LARGEST_REQUEST:
        raise ValueError(f"a client sent {length} as the length of a request: it does not speak Kafka's protocol")
    return prefix + await reader.readexactly(length)


def _kind_and_client(request: bytes) -> tuple[int, str]:
    """Return the api key and the client id of a request; the id is a nullable string of int16 length."""
    kind, _version, _correlation, length = _HEADER.unpack_from(request, _LENGTH.size)
    start = _LENGTH.size + _HEADER.size
    return kind, request[start : start + max(0, length)].decode(errors="replace")
