"""Looks into a real changelog."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from agents.changelog import changelog_lookup
from agents.changelog.changelog_lookup import ChangelogLookup
from agents.changelog.errors import ChangelogLost
from agents.kafka.connection import Connection
from agents.kafka.producer import AcknowledgedProducer
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.lost_beginning import lose_beginning
from tests.support.leases import held_lease


@pytest_asyncio.fixture
async def lookup(cluster: Cluster) -> AsyncIterator[ChangelogLookup]:
    """A look into partition 1 of a changelog with ten records."""
    producer = AcknowledgedProducer(cluster.connection, ProcessGuard(3600.0, Supervisor()), held_lease())
    await producer.start()
    rows = {b"u%d" % number: b"row" for number in range(9)}
    await producer.append(cluster.names.users_changelog, 1, rows, {}, (b"last", b"row"))
    await producer.stop()
    lookup = ChangelogLookup(cluster.connection, cluster.names.users_changelog)
    await lookup.start()
    yield lookup
    await lookup.stop()


async def test_a_place_is_read_to_its_end_and_no_further(lookup: ChangelogLookup) -> None:
    records, read = await lookup.read(1, range(3, 6))
    assert [record.key for record in records] == [b"u3", b"u4", b"u5"]
    assert read == range(3, 6)
    assert await lookup.ends([0, 1]) == {0: 0, 1: 10}


async def test_a_place_that_was_not_read_and_is_gone_is_no_empty_one(lookup: ChangelogLookup, cluster: Cluster) -> None:
    """A removal may have been there."""
    await lose_beginning(cluster, 1, 5)
    records, _ = await lookup.read(1, range(5, 7))
    assert len(records) == 2
    for place in (range(2, 4), range(4, 8)):
        with pytest.raises(ChangelogLost, match=r"begins at offset 5.*keep every data folder"):
            await lookup.read(1, place)


async def test_what_does_not_come_is_waited_for_so_long_and_no_longer(
    lookup: ChangelogLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelog_lookup, "_ANSWER_SECONDS", 0.5)
    with pytest.raises(KafkaTimeoutError, match="partition 1 came"):
        await lookup.read(1, range(10, 12))


class OneWithoutLeader:
    """A consumer of a topic whose partition 2 nobody leads, as aiokafka meets it: it asks until somebody answers."""

    def __init__(self) -> None:
        cluster = SimpleNamespace(leader_for_partition=lambda at: -1 if at.partition == 2 else 1)
        self._client = SimpleNamespace(cluster=cluster, force_metadata_update=self._look)

    async def _look(self) -> bool:
        return True

    async def end_offsets(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Wait for ever when partition 2 is among them."""
        if any(at.partition == 2 for at in wanted):
            await asyncio.Event().wait()
        return {at: 10 + at.partition for at in wanted}

    beginning_offsets = end_offsets


async def test_a_partition_that_nobody_leads_takes_nothing_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelog_lookup, "_ANSWER_SECONDS", 0.05)
    lookup = ChangelogLookup(Connection("nowhere:9092"), "changelog")
    monkeypatch.setattr(lookup, "_consumer", OneWithoutLeader())
    assert await lookup.ends([1, 2, 3]) == {1: 11, 3: 13}
    with pytest.raises(KafkaTimeoutError, match="changelog partition 2 came"):
        await lookup.read(2, range(3, 6))
