"""A takeover claims partitions of a real broker, and its first batch is the position where there is one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.changelog.claiming import Claiming, renew_regularly
from agents.kafka.connection import Connection
from agents.kafka.producer import AcknowledgedProducer, TopicChangelog
from agents.kafka.producer_claims import ClaimsForbidden, ClaimsUnanswered, PartitionTaken, ProducerClaims
from agents.liveness.exit_status import EXIT_CONFIG, EXIT_RETRY
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY, Position
from tests.support.cluster.oracle import read_topic
from tests.support.leases import held_lease
from tests.support.leaving import Left
from tests.support.own_partitions import own_partitions

STORED = Position(7, 1)


class Changelog:
    """A changelog of two partitions on a broker, and what is in it."""

    def __init__(self, address: str, topic: str, producer: AcknowledgedProducer) -> None:
        self.topic, self.producer = topic, producer
        self._address = address

    def claims(self) -> ProducerClaims:
        """Return the claims of one more worker."""
        return ProducerClaims(self.producer.client, f"{self.topic}-users-")

    def claiming(self, table: BatchTable) -> tuple[Claiming, TopicChangelog]:
        """Return what claims for one more worker, and its way into the changelog."""
        claims = self.claims()
        changelog = TopicChangelog(self.producer, self.topic, claims)
        return Claiming(own_partitions(table, changelog), claims), changelog

    async def records(self) -> list[tuple[int, bytes, bytes]]:
        """Return partition, key and value of all."""
        return [(record.partition, record.key, record.value) for record in await read_topic(self._address, self.topic)]


@pytest_asyncio.fixture
async def changelog(kafka: str) -> AsyncIterator[Changelog]:
    """An empty changelog."""
    admin, topic = AIOKafkaAdminClient(bootstrap_servers=kafka), f"claiming-{uuid4().hex[:8]}"
    await admin.start()
    await admin.create_topics([NewTopic(topic, 2, 1)])
    await admin.close()
    producer = AcknowledgedProducer(Connection(kafka), ProcessGuard(60.0, Supervisor()), held_lease())
    await producer.start()
    yield Changelog(kafka, topic, producer)
    await producer.stop()


@pytest.fixture
def table(make_table: Callable[[], BatchTable]) -> BatchTable:
    """A table with a position in partition 0, and an empty partition 1."""
    made = make_table()
    made.open(1)
    made.commit(0, {POSITION_KEY: STORED.encode()}, -1)
    return made


async def test_the_first_batch_ends_what_the_previous_owner_sends(changelog: Changelog, table: BatchTable) -> None:
    old, of_old = changelog.claiming(table)
    new, _ = changelog.claiming(table)
    await old.take({0, 1})
    assert await changelog.records() == [(0, POSITION_KEY, STORED.encode())]
    assert table.changelog_offset(0) == 0
    await new.take({0, 1})
    with pytest.raises(PartitionTaken):
        await of_old.append(0, {b"ann": b"late"}, {}, (POSITION_KEY, STORED.encode()))
    await of_old.append(1, {}, {}, (POSITION_KEY, b"first"))  # nothing was there that a position says
    await new.take({1})
    assert await changelog.records() == [
        (0, POSITION_KEY, STORED.encode()),
        (0, POSITION_KEY, STORED.encode()),
        (1, POSITION_KEY, b"first"),
    ]


async def test_nothing_is_written_when_the_generation_ends_meanwhile(changelog: Changelog, table: BatchTable) -> None:
    claiming, _ = changelog.claiming(table)
    taking = asyncio.create_task(claiming.take({0, 1}))
    await asyncio.sleep(0)  # it has begun
    await claiming._own.ownership.revoke()
    await taking
    assert await changelog.records() == []


async def test_claims_of_a_generation_are_not_used_in_the_next(changelog: Changelog, table: BatchTable) -> None:
    claiming, way = changelog.claiming(table)
    await claiming.take({0, 1})
    await claiming._own.ownership.revoke()
    await claiming.take({0})
    with pytest.raises(PartitionTaken, match="partition 1 is written without a claim"):
        await way.append(1, {}, {}, (POSITION_KEY, b"late"))


async def test_a_renewal_writes_again_and_leaves_when_another_worker_has_claimed(
    changelog: Changelog, table: BatchTable
) -> None:
    claiming, _ = changelog.claiming(table)
    await claiming.take({0})
    claiming._own.ownership.start({0: STORED.next_offset})
    await claiming.renew()
    assert await changelog.records() == [(0, POSITION_KEY, STORED.encode())] * 2
    await changelog.claims().claim([0])
    with pytest.raises(Left, match="partition 0: another worker has claimed it since") as left:
        await claiming.renew()
    assert left.value.args[1] == EXIT_RETRY


async def test_a_renewal_that_is_not_allowed_is_for_somebody_to_mend(
    changelog: Changelog, table: BatchTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    claiming, _ = changelog.claiming(table)

    async def forbid(_: object) -> None:
        raise ClaimsForbidden("its principal needs WRITE")

    monkeypatch.setattr(claiming._claims, "claim", forbid)
    with pytest.raises(Left, match="needs WRITE") as left:
        await claiming.renew()
    assert left.value.args[1] == EXIT_CONFIG


async def test_a_renewal_of_what_was_given_away_meanwhile_is_no_fault(changelog: Changelog, table: BatchTable) -> None:
    claiming, _ = changelog.claiming(table)
    await claiming.take({0})
    claiming._own.ownership.start({0: STORED.next_offset})
    await changelog.claims().claim([0])
    renewal = asyncio.create_task(claiming.renew())
    await asyncio.sleep(0)  # it has begun
    await claiming._own.ownership.revoke()
    await renewal
    assert await changelog.records() == [(0, POSITION_KEY, STORED.encode())]


class Unanswered:
    """Claims whose coordinator does not answer the first time."""

    def __init__(self) -> None:
        self.asked = 0
        self.renewed = asyncio.Event()

    async def renew(self) -> None:
        """Renew them the second time."""
        self.asked += 1
        if self.asked == 1:
            raise ClaimsUnanswered("nobody coordinates them")
        self.renewed.set()


async def test_a_renewal_that_nobody_answers_ends_no_worker_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The claims are good for half a day more."""
    monkeypatch.setattr("agents.changelog.claiming._RENEW_SECONDS", 0.0)
    monkeypatch.setattr("agents.changelog.claiming._AGAIN_SECONDS", 0.0)
    claiming: Any = Unanswered()
    renewing = asyncio.create_task(renew_regularly(cast(Claiming, claiming)))
    renewed = asyncio.create_task(claiming.renewed.wait())
    await asyncio.wait([renewing, renewed], timeout=30.0, return_when=asyncio.FIRST_COMPLETED)
    assert claiming.renewed.is_set()
    renewing.cancel()
    await asyncio.wait([renewing])
    assert "are not renewed, and will be in 0 s: nobody coordinates them" in caplog.text
