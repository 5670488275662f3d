"""The worker's whole way of an event: read, solve, score, acknowledge, store; events for each CPU second.

Every event is another user's. A new worker finds all events waiting; the rates leave out its start and its end.
"""

from collections.abc import Mapping

from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import metric
from tests.benchmarks.figures import Figures
from tests.benchmarks.processes import thread_cpu_seconds
from tests.benchmarks.progress import rates
from tests.benchmarks.shared_events import shared_events, store_users


async def measure(bench: Bench) -> Figures:
    """Run one new worker over the shared events."""
    deployment = bench.deployment("path", await shared_events(bench))
    await deployment.prepare(bench.model)
    if bench.facts:
        await store_users(bench, deployment.names.users_changelog)
    async with deployment.worker() as worker:
        started = await worker.ready()
        first, before = await worker.sample(), thread_cpu_seconds(worker.pid)
        samples = [first, *await worker.apply_all(bench.sizes.events)]
        found = rates(samples, bench.sizes.events)
        return {
            "events_per_cpu_second": found.per_cpu_second,
            "events_per_second": found.per_second,
            "start_seconds": started,
            **_costs(worker.pid, before, samples[-1].events - first.events),
            **_chunks(await worker.metrics(), bench.sizes.events),
        }


def _costs(pid: int, before: Mapping[int, float], events: float) -> Figures:
    """Return each thread's CPU, in microseconds an event: the event loop, the numeric thread, all others."""
    spent = {thread: seconds - before.get(thread, 0.0) for thread, seconds in thread_cpu_seconds(pid).items()}
    loop = spent.pop(pid)
    numerics = max(spent.values(), default=0.0)
    found = {"loop": loop, "numerics": numerics, "other_threads": sum(spent.values()) - numerics}
    return {f"{name}_cpu_us": 1e6 * seconds / events for name, seconds in found.items()}


def _chunks(metrics: str, events: int) -> Figures:
    """Return the mean chunk, and the time by the clock that preparing and writing one took, an event."""
    return {
        "chunk_events": metric(metrics, "nearline_chunk_events_sum") / metric(metrics, "nearline_chunk_events_count"),
        "prepare_clock_us": 1e6 * metric(metrics, "nearline_prepare_seconds_sum") / events,
        "write_clock_us": 1e6 * metric(metrics, "nearline_write_seconds_sum") / events,
    }
