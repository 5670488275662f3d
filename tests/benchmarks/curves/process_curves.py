"""Curves of whole workers on the run's broker: over the users on disk, and over the number of workers."""

from collections import defaultdict
from dataclasses import replace

from tests.benchmarks import memory
from tests.benchmarks.bench import Bench
from tests.benchmarks.curves.curve import Curve, Line
from tests.benchmarks.curves.sizes import CurveSizes
from tests.benchmarks.raw import read_seconds, write_seconds
from tests.benchmarks.scaling import worker_rates

_LIMIT_ROWS, _ROW_BYTES = 100_000, 1_500
_BY_CPU, _BY_CLOCK = "a worker, by CPU", "a worker, by the clock"
_RAW = "reading Kafka and writing RocksDB alone, by CPU"
_NOW, _MOST = "after events and queries", "at most"
_TOGETHER, _IDEAL = "workers together", "as many times one worker"


async def over_users(bench: Bench, sizes: CurveSizes) -> list[Curve]:
    """Return rows recovered from the changelog per second, and a worker's memory, over the users on disk."""
    recovery = Curve(
        "users",
        "Recovery and the number of users on disk",
        "users",
        "rows per second",
        [Line(_BY_CPU), Line(_BY_CLOCK), Line(_RAW, limit=True)],
        log_y=False,
    )
    resident = Curve(
        "memory",
        f"Memory and the number of users on disk ({bench.sizes.memory_videos:,} videos)",
        "users",
        "resident memory of a worker, MB",
        [Line(_NOW), Line(_MOST)],
        log_y=False,
    )
    for users in (number for number in sizes.users if number <= bench.sizes.stored_users):
        found = await _stored(bench, users, sizes.repeats)
        recovery.add(
            users,
            {
                _BY_CPU: found["recovery_rows_per_cpu_second"],
                _BY_CLOCK: found["recovery_rows_per_second"],
                _RAW: found["raw"],
            },
        )
        resident.add(users, {_NOW: found["rss_mb"], _MOST: found["rss_peak_mb"]})
    return [recovery, resident]


async def _stored(bench: Bench, users: int, repeats: int) -> dict[str, list[float]]:
    """Measure so many users `repeats` times, and what reading and writing as many rows costs without a worker."""
    own = replace(bench, sizes=replace(bench.sizes, stored_users=users), kept={}, made=[])
    found: dict[str, list[float]] = defaultdict(list)
    for own.repeat in range(repeats):
        bench.say(f"curve over users: {users:,}, {own.repeat + 1}/{repeats}")
        for name, value in (await memory.measure(own)).items():
            found[name].append(value)
        rows = min(users, _LIMIT_ROWS)
        read = await read_seconds(own, own.kept["memory"].names.users_changelog, rows)
        found["raw"].append(rows / (read + write_seconds(own.folder, rows, _ROW_BYTES)))
    own.kept.clear()
    await own.clean()
    return found


async def over_workers(bench: Bench, sizes: CurveSizes) -> list[Curve]:
    """Return events a second by the clock, and the CPU of an event, over the workers that share the partitions."""
    rate = Curve(
        "workers",
        "Workers that share one topic (the broker runs beside them)",
        "workers",
        "events per second",
        [Line(_TOGETHER), Line(_IDEAL, limit=True)],
        log_x=False,
        log_y=False,
    )
    cost = Curve(
        "workers-cpu",
        "What an event costs, and the number of workers",
        "workers",
        "CPU microseconds per event",
        [Line(_TOGETHER), Line("one worker", limit=True)],
        log_x=False,
        log_y=False,
    )
    found = defaultdict(list)
    for repeat in range(sizes.repeats):
        for count in reversed(sizes.workers) if repeat % 2 else sizes.workers:
            bench.say(f"curve over workers: {count}, {repeat + 1}/{sizes.repeats}")
            found[count].append(await worker_rates(bench, count))
            await bench.clean()
    alone = found[sizes.workers[0]]
    for count in sizes.workers:
        ideal = [count * one.per_second for one in alone]
        rate.add(count, {_TOGETHER: [one.per_second for one in found[count]], _IDEAL: ideal})
        costs = [1e6 / one.per_cpu_second for one in found[count]]
        cost.add(count, {_TOGETHER: costs, "one worker": [1e6 / one.per_cpu_second for one in alone]})
    return [rate, cost]
