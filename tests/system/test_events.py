"""Events as nobody wants them: wrong, huge, twice, all of one user."""

import asyncio
import os
from itertools import islice
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from tests.support.cluster.bad_records import MAX_EVENT_BYTES, sized_event
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.load import Load, Mix
from tests.system.changelog import Changelog
from tests.system.needs import Needs
from tests.system.records import Book
from tests.system.rest import at_rest
from tests.system.scenario import Scenario, let_run
from tests.system.watch import Watch

_LARGEST_ROW = 256 << 10
_FLOOD = 1_000
_BURST, _BURST_USERS = 100_000, 2_000
_MORE_MB = 150
"""What a worker may need beyond what it had: fetched events, chunks, rows on their way, write buffers."""


async def test_records_that_break_the_contract(cluster: Cluster, book: Book, seed: int) -> None:
    """F22, F23, F30: one in ten, a thousand in a row, and as large as an event and a record may be."""
    scenario = Scenario(cluster, book, "F22, F23, F30", "10 % wrong records, and 1,000 in a row", seed)
    await scenario.begin(1)
    async with Watch(cluster, seed) as watch, Load(cluster, seed, Mix(per_second=300, wrong=0.1)) as load:
        await let_run(2.0)
        flood = [(b"u1", b'{"flood": %d' % number) for number in range(_FLOOD)]
        load.expect_wrong(flood)
        await cluster.send(flood)
        await cluster.send([sized_event("just fits", "u2", MAX_EVENT_BYTES)])
        with pytest.raises(MessageSizeTooLargeError):  # the sender hears of it, nobody else
            await cluster.send([sized_event("no record", "u2", 1 << 20)])
        await let_run(1.0)
    await scenario.conclude(load, watch)


async def test_events_that_come_again(cluster: Cluster, book: Book, seed: int) -> None:
    """F25: the same ids at new offsets, and the commits set back to the beginning of the topic."""
    scenario = Scenario(cluster, book, "F25", "the same events again, and commits set back to 0", seed)
    (worker,) = await scenario.begin(1)
    sent = list(islice(happenings(seed), 1_500))
    await cluster.send(sent)
    await at_rest(cluster)
    await cluster.send(sent)
    await at_rest(cluster)
    before = (await Changelog.read(cluster)).rows
    assert await asyncio.to_thread(worker.stop, 60) == 0
    await _commit_the_beginning(cluster)
    worker.start()
    await worker.ready(120)
    await scenario.conclude()
    assert (await Changelog.read(cluster)).rows == before


@pytest.mark.full
async def test_a_burst_beyond_what_workers_can_do(cluster: Cluster, book: Book, seed: int) -> None:
    """F38: a hundred thousand events at once; memory stays bounded, nobody loses a partition, lag drains."""
    scenario = Scenario(cluster, book, "F38", f"{_BURST:,} events at once", seed)
    workers = await scenario.begin(2)
    await cluster.send(islice(happenings(seed, users=_BURST_USERS), 5_000))
    await at_rest(cluster)
    async with Watch(cluster, seed, _BURST_USERS) as watch:
        before = [await watch.metrics(worker) for worker in workers]
        peaks = [Needs.of(worker.pid).peak_rss_mb for worker in workers]
        await cluster.send(islice(happenings(seed + 1, users=_BURST_USERS), _BURST))
        await at_rest(cluster, 300)
        after = [await watch.metrics(worker) for worker in workers]
    more = max(Needs.of(worker.pid).peak_rss_mb - peak for worker, peak in zip(workers, peaks, strict=True))
    scenario.record.notes["rss_mb_more"] = round(more, 1)
    assert more < _MORE_MB
    for old, new in zip(before, after, strict=True):
        assert new["nearline_rebalances_total"] == old["nearline_rebalances_total"], "a partition moved"
    await scenario.conclude(watch=watch)


@pytest.mark.full
async def test_a_user_with_half_of_all_events(cluster: Cluster, book: Book, seed: int) -> None:
    """F28: with a kill in the middle."""
    scenario = Scenario(cluster, book, "F28", "one user has half of the events; one kill", seed)
    workers = await scenario.begin(2)
    async with Watch(cluster, seed) as watch, Load(cluster, seed, Mix(per_second=800, hot=0.5)) as load:
        await let_run(5.0)
        since = scenario.fault()
        workers[0].kill()
        workers[0].start()
        await scenario.served_again(since)
        await let_run(5.0)
    await scenario.conclude(load, watch)


@pytest.mark.full
async def test_a_hundred_thousand_events_of_one_user(cluster: Cluster, book: Book, seed: int) -> None:
    """F29: the row stays bounded; CPU time an event is noted for each tenth of them."""
    scenario = Scenario(cluster, book, "F29", "100,000 events of one user", seed)
    (worker,) = await scenario.begin(1)
    events = happenings(seed, users=1)
    spent = _cpu_seconds(worker.pid)
    for tenth in range(10):
        await cluster.send(islice(events, 10_000))
        await at_rest(cluster)
        now = _cpu_seconds(worker.pid)
        scenario.record.notes[f"cpu_us_an_event_{tenth}"] = round((now - spent) * 100, 1)
        spent = now
    changelog = await Changelog.read(cluster)
    largest = max(len(row) for (_, key), row in changelog.rows.items() if key == b"u0")
    scenario.record.notes["row_bytes"] = largest
    await scenario.conclude()
    assert largest <= _LARGEST_ROW


async def _commit_the_beginning(cluster: Cluster) -> None:
    topic = cluster.names.member_events
    consumer = AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap, group_id=f"{cluster.names.app_id}-reader", enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))
    finally:
        await consumer.stop()


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
