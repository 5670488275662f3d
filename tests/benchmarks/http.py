"""The stored list with filters over HTTP: beside an empty aiohttp handler, and while events stream at half load."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from agents.catalogue import CatalogueEntry
from deploy.demonstration.latency import percentile
from deploy.kafka.plan import Plan
from deploy.kafka.ports import free_ports
from deploy.kafka.supervised import Supervised
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Deployment
from tests.benchmarks.figures import Figures
from tests.benchmarks.filling import batch_producer, fill
from tests.benchmarks.http_client import Connection, answer_times, get_request, requests_per_second
from tests.benchmarks.load import steady_load
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.waiting import deadline
from tests.benchmarks.workload import Record, user_id

_USERS, _FIRST_OTHER = 1_000, 70_000_000
_CONNECTIONS, _ALTERNATIONS = 16, 3
_ASKED_PER_SECOND = 300.0
_FILTERS = "limit=20&region=us&device=tv&maturity=16&exclude=v1,v2"
_GENRES = ("Drama", "Comedy", "Crime", "Documentary")


async def measure(bench: Bench) -> Figures:
    """Return requests a second as a share of the empty handler's, and the times while events stream."""
    deployment = bench.deployment("http")
    await deployment.prepare(bench.model)
    async with batch_producer(deployment.connection) as producer:
        await fill(producer, deployment.names.catalogue, 1, _catalogue(bench.sizes.n_videos))
        await fill(producer, deployment.events, deployment.partitions, bench.events(0, _USERS, bench.sizes.n_videos))
    asked = [get_request(f"/v1/users/{user_id(number)}/recommendations?{_FILTERS}") for number in range(_USERS)]
    async with deployment.worker() as worker, _empty_server(deployment) as (empty_port, empty_pid):
        await worker.ready()
        await worker.apply_all(_USERS)
        port = int(worker.url.rpartition(":")[2])
        found = await _compare(bench, (port, worker.pid, asked), (empty_port, empty_pid, [get_request("/")]))
        rate = bench.latest["events_per_second"] / 2
        async with steady_load(bench, deployment, rate, _FIRST_OTHER):
            took = await answer_times(port, asked, _ASKED_PER_SECOND, 3 * bench.sizes.http_seconds)
    return {
        **found,
        "http_p50_ms": percentile(took, 0.5),
        "http_p99_ms": percentile(took, 0.99),
        "http_asked_per_second": _ASKED_PER_SECOND,
    }


_Side = tuple[int, int, list[bytes]]
"""Port, process and requests of one server."""


async def _compare(bench: Bench, ours: _Side, empty: _Side) -> Figures:
    """Ask both in turn, so that what else the machine does meets both."""
    rates: dict[int, float] = {ours[0]: 0.0, empty[0]: 0.0}
    costs = dict(rates)
    for _ in range(_ALTERNATIONS):
        for port, pid, asked in (ours, empty):
            before = cpu_seconds(pid)
            rate = await requests_per_second(port, asked, _CONNECTIONS, bench.sizes.http_seconds)
            rates[port] += rate / _ALTERNATIONS
            costs[port] += (cpu_seconds(pid) - before) / (rate * bench.sizes.http_seconds) / _ALTERNATIONS
    return {
        "http_ratio": rates[ours[0]] / rates[empty[0]],
        "http_cpu_ratio": costs[empty[0]] / costs[ours[0]],
        "http_requests_per_second": rates[ours[0]],
        "http_empty_requests_per_second": rates[empty[0]],
    }


@asynccontextmanager
async def _empty_server(deployment: Deployment) -> AsyncIterator[tuple[int, int]]:
    port = free_ports(1)[0]
    log = deployment.folder / "empty-server.log"
    process = Supervised(Plan([sys.executable, "-m", "tests.benchmarks.empty_server", str(port)], log, (log,)))
    try:
        await _listening(port)
        yield port, process.pid
    finally:
        await asyncio.to_thread(process.terminate)


async def _listening(port: int) -> None:
    problem: OSError | None = None
    async with deadline(20.0, "the empty server to listen", lambda: problem):
        while True:
            try:
                (await Connection.to(port)).close()
            except OSError as error:
                problem = error
                await asyncio.sleep(0.05)
            else:
                return


def _catalogue(n_videos: int) -> list[Record]:
    """Return an entry for every video: one in nine is for adults, one in ten not for televisions."""
    return [
        (
            f"v{number}".encode(),
            msgspec.json.encode(
                CatalogueEntry(
                    title=f"Video {number}",
                    genres=(_GENRES[number % 4],),
                    year=1990 + number % 35,
                    maturity=2 * (number % 10),
                    devices=("phone",) if number % 10 == 3 else (),
                    regions=("us", "fr") if number % 2 else (),
                )
            ),
        )
        for number in range(n_videos)
    ]
