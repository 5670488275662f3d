"""Recovery from a real changelog: what the databases hold afterwards, whatever was there and whatever came between."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from prometheus_client import CollectorRegistry

from agents.changelog.catch_up import CatchUp
from agents.changelog.errors import ChangelogLost
from agents.changelog.metrics import ChangelogMetrics
from agents.changelog.recovery import Recovery, RecoveryBounds
from agents.changelog.table_flusher import current_partitions
from agents.kafka.connection import Connection
from agents.kafka.leaders import LeaderQuestions
from agents.kafka.producer import AcknowledgedProducer
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from deploy.kafka import Broker
from deploy.kafka.ports import free_ports
from tables.applied_offset import APPLIED_OFFSET, LOCAL
from tables.batch_table import BatchTable
from tables.extent import Extent
from tables.replay import Replay
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.compaction import compact_soon
from tests.support.cluster.kafka_proxy import Direction, KafkaProxy
from tests.support.cluster.lost_beginning import lose_beginning
from tests.support.cluster.oracle import read_topic
from tests.support.leases import held_lease
from tests.support.real_tables import new_table
from tests.support.waiting import wait_for

_FAR = 3600.0
_ALL = range(PARTITIONS)
_BOUNDS = RecoveryBounds(fetch_bytes=1 << 16, fetch_wait_ms=20, standstill_seconds=30.0)


def row(applied_offset: int, size: int = 100) -> bytes:
    """A row of any kind: applied offset first."""
    return APPLIED_OFFSET.pack(applied_offset) + bytes(size)


@pytest_asyncio.fixture
async def producer(cluster: Cluster) -> AsyncIterator[AcknowledgedProducer]:
    """What writes changelogs."""
    producer = AcknowledgedProducer(cluster.connection, ProcessGuard(_FAR, Supervisor()), held_lease())
    await producer.start()
    yield producer
    await producer.stop()


@asynccontextmanager
async def recovering(cluster: Cluster, table: BatchTable, bounds: RecoveryBounds = _BOUNDS) -> AsyncIterator[Recovery]:
    """Connect a recovery of the table."""
    recovery = Recovery(cluster.connection, table, bounds, Supervisor(), ChangelogMetrics(CollectorRegistry()))
    await recovery.connect()
    try:
        yield recovery
    finally:
        await recovery.stop()


def questions(cluster: Cluster, recovery: Recovery) -> LeaderQuestions:
    """Return what asks the leaders through a recovery's consumer."""
    assert recovery._consumer is not None
    return LeaderQuestions(cluster.connection, recovery._consumer, stuck_seconds=30.0)


async def complete(recovery: Recovery, partitions: set[int]) -> list[set[int]]:
    """Wait until partitions are complete; returns them as they came."""
    came: list[set[int]] = []
    while set().union(*came) != partitions:
        came.append(await asyncio.wait_for(recovery.completed(wait=True), 30))
    return came


async def write(
    producer: AcknowledgedProducer,
    cluster: Cluster,
    partition: int,
    rows: dict[bytes, bytes | None],
    removed_at: int = 0,
) -> int:
    """Append rows to a changelog partition, tombstones with their applied offset; returns the offset behind them."""
    *others, (key, last) = rows.items()
    topic = cluster.names.users_changelog
    removed = dict.fromkeys(rows, removed_at)
    landed = await producer.append(topic, partition, dict(others), removed, (key, last))  # type: ignore[arg-type]
    return landed[-1].stop


def users(count: int, applied_offset: int = 0, prefix: str = "u") -> dict[bytes, bytes | None]:
    """Rows of so many users."""
    return {f"{prefix}{number}".encode(): row(applied_offset + number) for number in range(count)}


def stored(table: BatchTable, partition: int) -> dict[bytes, bytes]:
    """Every row of a partition that is of the changelog."""
    return {key: value for key, value in table.scan(partition, b"") if not key.startswith((b"__faust", LOCAL))}


async def test_an_empty_folder_gets_everything_partition_by_partition(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    written = {partition: users(3000, prefix=f"p{partition}-") for partition in _ALL if partition != 1}
    ends = {partition: await write(producer, cluster, partition, rows) for partition, rows in written.items()}
    async with recovering(cluster, table) as recovery:
        recovery.begin(_ALL, ())
        came = await complete(recovery, set(_ALL))
    assert came[0] == {1}, "what has no changelog is complete at once"
    assert came[-1] == {3}, "the last one is read when the first ones are complete"
    for partition in _ALL:
        assert stored(table, partition) == written.get(partition, {})
        assert table.changelog_offset(partition) + 1 == ends.get(partition, 0)


async def test_an_old_folder_gets_the_rest_and_no_row_goes_back(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    await write(producer, cluster, 0, users(500, applied_offset=1000))
    async with recovering(cluster, table) as recovery:
        recovery.begin(_ALL, ())
        await complete(recovery, set(_ALL))
        await recovery.end()
        # a batch of a worker that was thought dead lands behind its successor's, then life goes on
        late = {b"u1": row(7), b"u2": None, b"u3": row(1200), b"late": row(8)}
        await write(producer, cluster, 0, late, removed_at=9)
        await write(producer, cluster, 0, {b"u4": None, b"u5": row(1201)}, removed_at=1210)
        await write(producer, cluster, 0, {b"u6": row(1202), b"u4": row(1209)})
        recovery.begin(_ALL, ())
        await complete(recovery, set(_ALL))
    newer = {b"u3": row(1200), b"late": row(8), b"u5": row(1201), b"u6": row(1202)}
    expected = users(500, applied_offset=1000) | newer
    del expected[b"u4"]
    assert stored(table, 0) == expected


async def test_a_revocation_in_the_middle_loses_nothing(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = users(20_000)
    rows = iter(written.items())
    while some := dict(islice(rows, 1_000)):
        end = await write(producer, cluster, 2, some)
    begun, plain = asyncio.Event(), table.commit

    def commit(partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        plain(partition, rows, changelog_offset)
        if partition == 2 and changelog_offset >= 0:
            begun.set()

    monkeypatch.setattr(table, "commit", commit)
    small = replace(_BOUNDS, fetch_bytes=1024)  # one batch of a thousand a fetch, each of which is waited for
    async with recovering(cluster, table, small) as recovery:
        recovery.begin(_ALL, ())
        await asyncio.wait_for(begun.wait(), 30)
        await recovery.end()
        reached = table.changelog_offset(2)
        assert reached + 1 < end, "the test came too late"
        assert 2 not in await recovery.completed(wait=False)
        assert len(stored(table, 2)) == reached + 1, "the offset says what is there"
        recovery.begin({2}, ())
        await complete(recovery, {2})
    assert stored(table, 2) == written


async def test_one_record_less_than_the_changelog_is_not_complete(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    rows = {b"u0": row(0), b"u1": row(1), b"u2": row(2)}
    end = await write(producer, cluster, 0, dict(rows))
    Replay(table, 0).apply([], reached=end - 1)
    Replay(table, 1).apply([], reached=0)
    async with recovering(cluster, table) as recovery:
        catch_up = CatchUp(questions(cluster, recovery), table, {0, 1}, set())
        assert await catch_up.begin() == {1}
        assert catch_up.missing == [0]
        assert catch_up.behind == 1
        while not await catch_up.step():
            pass
        assert await catch_up.settle() == {0}
        assert stored(table, 0) == {b"u2": row(2)}


async def test_an_own_partition_is_complete_when_it_holds_what_came_while_it_was_read(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    await write(producer, cluster, 0, users(10))
    async with recovering(cluster, table) as recovery:
        catch_up = CatchUp(questions(cluster, recovery), table, {0}, set())
        assert await catch_up.begin() == set()
        while not await catch_up.step():
            pass
        await write(producer, cluster, 0, {b"late": row(99)})  # behind the end that was asked for at the beginning
        while not await catch_up.settle():
            await catch_up.step()
        assert stored(table, 0) == {**users(10), b"late": row(99)}


async def test_nothing_of_an_assignment_goes_on_when_it_has_ended(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    await write(producer, cluster, 0, users(10))
    async with recovering(cluster, table) as recovery:
        recovery.begin({1}, {0})
        task = recovery._task
        assert task is not None
        await complete(recovery, {1})
        await recovery.end()
        assert task.done()
        recovery.begin({1}, {0})
        with pytest.raises(RuntimeError, match="has not ended"):
            recovery.begin({1}, {0})


async def test_a_standby_that_lacks_records_is_not_complete(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    end = await write(producer, cluster, 0, users(2500))  # two writes' worth of records
    async with recovering(cluster, table) as recovery:
        catch_up = CatchUp(questions(cluster, recovery), table, set(), {0})
        assert await catch_up.begin() == set()
        while not await catch_up.step():
            pass
        assert table.changelog_offset(0) + 1 < end
        assert catch_up.complete_standbys() == set()
        while catch_up.complete_standbys() != {0}:
            await catch_up.step()
        assert table.changelog_offset(0) + 1 == end


async def test_a_standby_is_complete_when_it_holds_all_and_not_before(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    end = await write(producer, cluster, 0, users(10))
    async with recovering(cluster, table) as recovery:
        table.complete_standbys.update({2, 3})
        recovery.begin({1}, {0, 2})
        assert table.complete_standbys == {2}, "3 is no longer here"
        await complete(recovery, {1})

        async def follows() -> bool:
            holds = table.changelog_offset(0) + 1 >= end
            assert holds or 0 not in table.complete_standbys
            return 0 in table.complete_standbys

        await wait_for("whole standby", follows)
        assert stored(table, 0) == users(10)


async def test_a_standby_follows_and_is_promoted_with_what_it_lacks(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    await write(producer, cluster, 0, users(50))
    async with recovering(cluster, table) as recovery:
        recovery.begin({1}, {0})
        await complete(recovery, {1})

        async def follows(users_there: int) -> bool:
            return len(stored(table, 0)) == users_there

        await wait_for("copy of what was there", lambda: follows(50))
        await write(producer, cluster, 0, users(60, applied_offset=100))
        await wait_for("copy of what came later", lambda: follows(60))
        await recovery.end()
        await write(producer, cluster, 0, users(70, applied_offset=200))
        recovery.begin({0, 1}, ())
        await complete(recovery, {0, 1})
    assert stored(table, 0) == users(70, applied_offset=200)


async def test_records_that_compaction_took_away_at_the_end_are_not_waited_for(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    """A transaction's marker is an offset without a record, as compaction leaves them."""
    client = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=cluster.names.app_id)
    await client.start()
    async with client.transaction():
        await client.send_and_wait(cluster.names.users_changelog, key=b"u", value=row(1), partition=0)
    await client.stop()
    async with recovering(cluster, table) as recovery:
        recovery.begin({0}, ())
        await complete(recovery, {0})
    assert stored(table, 0) == {b"u": row(1)}
    assert table.changelog_offset(0) == 1


async def test_a_changelog_that_is_shorter_than_what_a_database_holds_is_refused(
    cluster: Cluster, table: BatchTable
) -> None:
    Replay(table, 3).apply([], reached=5)
    async with recovering(cluster, table) as recovery:
        catch_up = CatchUp(questions(cluster, recovery), table, {3}, set())
        with pytest.raises(ChangelogLost, match=r"database of partition 3 knows .* up to offset 5, but it ends at 0"):
            await catch_up.begin()


@pytest.mark.parametrize("held", [0, 4])
async def test_a_changelog_that_begins_behind_what_a_database_holds_is_refused(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable, held: int
) -> None:
    """An empty database, too: whoever was in the records before is nowhere."""
    end = await write(producer, cluster, 2, users(20))
    await lose_beginning(cluster, 2, 13)
    if held:
        Replay(table, 2).apply([], reached=held)
    async with recovering(cluster, table) as recovery:
        for own, standbys in (({2}, set[int]()), (set[int](), {2})):
            with pytest.raises(ChangelogLost, match=r"partition 2 of .* begins at offset 13.*keep every data folder"):
                await CatchUp(questions(cluster, recovery), table, own, standbys).begin()
        Replay(table, 2).apply([], reached=13)
        recovery.begin({2}, ())
        await complete(recovery, {2})
    assert len(stored(table, 2)) == end - 13, "a database that holds all that is gone goes on"


async def test_a_standby_whose_changelog_loses_what_comes_next_is_refused(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    await write(producer, cluster, 2, users(5))
    async with recovering(cluster, table) as recovery:
        catch_up = CatchUp(questions(cluster, recovery), table, set(), {2})
        await catch_up.begin()
        await write(producer, cluster, 2, users(20, prefix="later"))
        await lose_beginning(cluster, 2, 13)

        async def follow() -> None:
            while True:
                await catch_up.step()

        with pytest.raises(ChangelogLost, match=r"partition 2 of .* begins at offset 13"):
            await asyncio.wait_for(follow(), 30)


async def test_what_a_database_knows_of_its_own_records_must_be_there_too(cluster: Cluster, table: BatchTable) -> None:
    before = Extent()
    late = before.with_batches(3, [range(5, 7)])
    table.commit(3, before.changes(late), late.held)
    assert table.changelog_offset(3) == -1
    async with recovering(cluster, table) as recovery:
        with pytest.raises(ChangelogLost, match=r"database of partition 3 knows .* up to offset 7, but it ends at 0"):
            await CatchUp(questions(cluster, recovery), table, {3}, set()).begin()


async def test_a_standby_is_complete_only_while_the_broker_says_so(tmp_path: Path) -> None:
    """The connection is dead: the standby lags behind nobody knows what."""
    (port,) = free_ports(1)
    with Broker(proxies=(port,)) as broker:
        direct = Cluster(broker.address, "cut-off", tmp_path)
        await direct.create_topics()
        table = new_table(tmp_path / "tables", PARTITIONS, "cut-off")
        async with KafkaProxy(port, broker.behind(port)) as proxy:
            behind = Cluster(proxy.address, "cut-off", tmp_path)
            async with recovering(behind, table) as recovery:
                recovery.begin((), {0, 1})

                async def complete_standbys(expected: set[int]) -> bool:
                    return table.complete_standbys == expected

                await wait_for("complete standbys", lambda: complete_standbys({0, 1}))
                proxy.swallow(*Direction)
                await wait_for("end of what nobody confirms", lambda: complete_standbys(set()), 60)
                assert current_partitions(table) == set()
                proxy.heal()
                await wait_for("complete standbys again", lambda: complete_standbys({0, 1}), 60)
        table.data._dbs.clear()  # type: ignore[attr-defined]


@pytest.mark.full
async def test_compaction_alone_is_no_lost_beginning(
    cluster: Cluster, producer: AcknowledgedProducer, table: BatchTable
) -> None:
    """The first records are gone, and the changelog still begins at 0."""
    topic = cluster.names.users_changelog
    await compact_soon(cluster, topic)
    generations = iter(range(1_000_000))

    async def first_is_gone() -> bool:
        await write(producer, cluster, 1, users(5, applied_offset=10 * next(generations)))
        first: int = (await read_topic(cluster.bootstrap, topic))[0].offset
        return first > 0

    await wait_for("compaction", first_is_gone, 240.0)
    newest = next(generations) - 1
    async with recovering(cluster, table) as recovery:
        recovery.begin({1}, ())
        await complete(recovery, {1})
    assert stored(table, 1) == users(5, applied_offset=10 * newest)


class OneLeader:
    """A consumer of changelog partitions of ten records, of which one broker leads some, and nobody the others."""

    def __init__(self, *led: int) -> None:
        self.led = set(led)
        self.silent = False
        self.first, self.end = 0, 10
        self.positions: dict[TopicPartition, int] = {}
        self.resumed: set[TopicPartition] = set()
        cluster = SimpleNamespace(leader_for_partition=lambda at: 1 if at.partition in self.led else -1)
        self._client = SimpleNamespace(cluster=cluster, force_metadata_update=self._look)

    async def _look(self) -> bool:
        return True

    async def end_offsets(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Answer, if the leader does; nobody may be asked about others."""
        assert {at.partition for at in wanted} <= self.led
        if self.silent:
            await asyncio.Event().wait()
        return dict.fromkeys(wanted, self.end)

    async def beginning_offsets(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Answer in the same way."""
        return dict.fromkeys(await self.end_offsets(wanted), self.first)

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Take note."""
        self.positions = dict.fromkeys(partitions, 0)
        self.resumed = set(partitions)

    def assignment(self) -> frozenset[TopicPartition]:
        """Return what is assigned."""
        return frozenset(self.positions)

    def paused(self) -> set[TopicPartition]:
        """Return what is not read."""
        return self.positions.keys() - self.resumed

    def pause(self, *partitions: TopicPartition) -> None:
        """Take note."""
        self.resumed.difference_update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Take note."""
        self.resumed.update(partitions)

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Take note."""
        self.positions[at] = offset

    async def position(self, at: TopicPartition) -> int:
        """Return how far a partition is read."""
        return self.positions[at]

    async def getmany(self, *partitions: TopicPartition, **_: object) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Pass over everything that is there and is not paused: compaction left nothing."""
        assert {at.partition for at in partitions} <= self.led
        self.positions.update(dict.fromkeys(self.resumed.intersection(partitions), self.end))
        return {}

    def last_poll_timestamp(self, _: TopicPartition) -> None:
        """Nothing was polled."""


def asked(consumer: OneLeader, clock: Callable[[], float] = time.monotonic) -> LeaderQuestions:
    """Return what asks through a consumer."""
    return LeaderQuestions(Connection("127.0.0.1:1"), cast(AIOKafkaConsumer, consumer), 3600.0, clock)


async def test_partitions_that_nobody_leads_take_no_place_from_those_that_are_read_and_come_when_they_are_led(
    make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.kafka.leaders._LOOK_SECONDS", 0.0)
    consumer, table = OneLeader(2, 3), make_table()
    for partition in _ALL:
        table.open(partition)
    catch_up = CatchUp(asked(consumer), table, set(_ALL), set())
    assert await catch_up.begin() == set()
    assert (catch_up.missing, catch_up.led, catch_up.behind) == ([0, 1, 2, 3], [2, 3], 20)
    assert await catch_up.step()
    assert await catch_up.settle() == {2, 3}
    assert not await catch_up.step(), "nothing is read of what nobody answered for"
    assert await catch_up.settle() == set()
    assert (catch_up.missing, catch_up.led) == ([0, 1], [])
    consumer.led = {0}
    assert await catch_up.settle() == set()
    assert await catch_up.step()
    assert await catch_up.settle() == {0}
    consumer.led, consumer.first = {0, 1}, 4
    with pytest.raises(ChangelogLost, match=r"partition 1 of .* begins at offset 4"):
        await catch_up.settle()


async def test_a_partition_whose_leader_goes_while_it_is_read_is_awaited_and_goes_on_when_somebody_leads_it(
    make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.kafka.leaders._LOOK_SECONDS", 0.0)
    consumer, table = OneLeader(0), make_table()
    table.open(0)
    catch_up = CatchUp(asked(consumer), table, {0}, set())
    await catch_up.begin()
    assert catch_up.led == [0]
    consumer.led = set()
    assert not await catch_up.step()
    assert (await catch_up.settle(), catch_up.led) == (set(), [])
    consumer.led = {0}
    assert (await catch_up.settle(), catch_up.led) == (set(), [0])
    assert await catch_up.step()
    assert await catch_up.settle() == {0}


async def test_what_is_asked_about_is_not_read_before_the_answer(make_table: Callable[[], BatchTable]) -> None:
    """It would be about less than the database holds by then, and look like a changelog that lost its tail."""
    consumer, table = OneLeader(0), make_table()
    table.open(0)
    catch_up = CatchUp(asked(consumer), table, {0}, set())
    await catch_up.begin()
    assert await catch_up.step()
    consumer.silent = True
    assert await catch_up.settle(0.01) == set()
    consumer.end = 12
    assert not await catch_up.step()
    assert consumer.positions == {TopicPartition(table.changelog_topic_name, 0): 10}


async def test_nothing_is_read_of_a_changelog_whose_beginning_nobody_told(
    make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.kafka.leaders.ANSWER_SECONDS", 0.05)
    consumer, table = OneLeader(0), make_table()
    table.open(0)
    consumer.silent = True
    asking = asked(consumer)
    catch_up = CatchUp(asking, table, {0}, set())
    await catch_up.begin()
    assert asking.under_way == set(), "its leader had its time"
    assert not await catch_up.step()


async def test_a_standby_that_nobody_leads_keeps_no_own_partition_waiting_and_the_other_way_round(
    make_table: Callable[[], BatchTable],
) -> None:
    for led, own in ((0, True), (1, False)):
        consumer, table = OneLeader(led), make_table()
        for partition in (0, 1):
            table.open(partition)
        catch_up = CatchUp(asked(consumer), table, {0}, {1})
        async with asyncio.timeout(30.0):
            await catch_up.begin()
            assert await catch_up.step()
            assert bool(await catch_up.settle()) is own
        assert {at.partition for at, reached in consumer.positions.items() if reached} == {led}


async def test_recovery_ends_no_worker_over_what_nobody_leads_and_does_over_what_does_not_move(
    make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.kafka.leaders._LOOK_SECONDS", 0.0)
    consumer, table, said = OneLeader(1), make_table(), list[str]()
    for partition in (0, 1):
        table.open(partition)
    supervisor = Supervisor(lambda reason, _: said.append(reason))  # type: ignore[arg-type, return-value]
    bounds = replace(_BOUNDS, standstill_seconds=0.5)
    recovery = Recovery(Connection("127.0.0.1:1"), table, bounds, supervisor, ChangelogMetrics(CollectorRegistry()))
    recovery._consumer = cast(AIOKafkaConsumer, consumer)
    recovery.begin({0, 1}, ())
    assert await asyncio.wait_for(recovery.completed(wait=True), 30) == {1}
    watched = time.monotonic() + 4 * bounds.standstill_seconds

    async def over() -> bool:
        return time.monotonic() > watched

    await wait_for("several standstills' time", over)
    assert said == []

    async def hangs(*_: object, **__: object) -> dict[TopicPartition, list[ConsumerRecord]]:
        await asyncio.sleep(0.01)
        return {}

    monkeypatch.setattr(consumer, "getmany", hangs)
    consumer.led = {0, 1}

    async def left() -> bool:
        return bool(said)

    await wait_for("end of a worker whose recovery hangs", left)
    assert said[0] == "recovery of [0] stands still for 0.5 s"
    await recovery.end()
