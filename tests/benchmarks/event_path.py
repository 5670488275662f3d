"""The worker's whole way of an event: read, solve, score, acknowledge, store; events for each CPU second.

Every event is another user's, and every user has a history. A new worker finds all events waiting; the rates leave out
its start and its end, and count all of its threads, RocksDB's included.
"""

from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import metric
from tests.benchmarks.figures import Figures
from tests.benchmarks.progress import rates, thread_costs
from tests.benchmarks.same_work import hold_ours
from tests.benchmarks.shared_events import shared_events, store_users


async def measure(bench: Bench) -> Figures:
    """Run one new worker over the shared events."""
    deployment = bench.deployment("path", await shared_events(bench))
    await deployment.prepare(bench.model)
    if bench.facts:
        await store_users(bench, deployment.names.users_changelog)
    events = bench.sizes.events
    async with deployment.worker() as worker:
        started = await worker.ready()
        samples = await worker.apply_all(events)
        chunks = _chunks(await worker.metrics(), events)
    await hold_ours(bench, deployment.names.users_changelog)
    found = rates(samples, events)
    return {
        "events_per_cpu_second": found.per_cpu_second,
        "events_per_second": found.per_second,
        "start_seconds": started,
        "history_facts": bench.facts,
        **{f"{who}_cpu_us": cost for who, cost in thread_costs(samples, events, worker.pid).items()},
        **chunks,
    }


def _chunks(metrics: str, events: int) -> Figures:
    """Return the mean chunk, and the time by the clock that preparing and writing one took, an event."""
    return {
        "chunk_events": metric(metrics, "nearline_chunk_events_sum") / metric(metrics, "nearline_chunk_events_count"),
        "prepare_clock_us": 1e6 * metric(metrics, "nearline_prepare_seconds_sum") / events,
        "write_clock_us": 1e6 * metric(metrics, "nearline_write_seconds_sum") / events,
    }
