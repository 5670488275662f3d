"""Claims on a real broker: the last who claimed a partition is the only one whose batches land, and each lands once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import OutOfOrderSequenceNumber
from aiokafka.protocol.admin import CreateAclsRequest

from agents.kafka import producer_claims
from agents.kafka.claim_requests import FindCoordinators
from agents.kafka.connection import Connection
from agents.kafka.producer import MAX_BATCH_BYTES, AcknowledgedProducer, TopicChangelog
from agents.kafka.producer_claims import ClaimsForbidden, ClaimsUnanswered, PartitionTaken, ProducerClaims
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from deploy.kafka import Broker, properties
from tests.support.cluster.kafka_proxy import FIND_COORDINATOR, PRODUCE, Direction, KafkaProxy
from tests.support.cluster.oracle import read_topic
from tests.support.leases import held_lease
from tests.support.waiting import wait_for


class Owner:
    """A worker's way into a changelog: its claims, and what it appends with them."""

    def __init__(self, producer: AcknowledgedProducer, topic: str) -> None:
        self.claims = ProducerClaims(producer.client, f"{topic}-users-")
        self._changelog = TopicChangelog(producer, topic, self.claims)

    async def append(self, value: bytes, partition: int = 0, rows: int = 1) -> list[range]:
        """Append rows of a value, and the position, which is the same value."""
        named: dict[bytes, bytes | None] = {b"u%d" % number: value for number in range(rows)}
        return await self._changelog.append(partition, named, dict.fromkeys(named, 1), (b"position", value))


MakeOwner = Callable[[str], Coroutine[Any, Any, Owner]]


@pytest_asyncio.fixture
async def topic(proxied: tuple[Broker, int]) -> str:
    """A changelog of two partitions, empty."""
    admin = AIOKafkaAdminClient(bootstrap_servers=proxied[0].address)
    await admin.start()
    name = f"claims-{uuid4().hex[:8]}"
    await admin.create_topics([NewTopic(name, 2, 1, topic_configs={"max.message.bytes": str(2 * MAX_BATCH_BYTES)})])
    await admin.close()
    return name


@pytest_asyncio.fixture
async def owner(topic: str) -> AsyncIterator[MakeOwner]:
    """Makes owners of that changelog, who reach the broker at an address."""
    producers = []

    async def make(address: str) -> Owner:
        producer = AcknowledgedProducer(Connection(address), ProcessGuard(60.0, Supervisor()), held_lease())
        await producer.start()
        producers.append(producer)
        return Owner(producer, topic)

    yield make
    for producer in producers:
        await producer.stop()


async def values(proxied: tuple[Broker, int], topic: str) -> list[bytes]:
    """The values of what landed, in order."""
    return [record.value for record in await read_topic(proxied[0].address, topic)]


@pytest.mark.kafka
async def test_an_old_owner_is_refused_once_the_new_one_has_written(
    proxied: tuple[Broker, int], topic: str, owner: MakeOwner
) -> None:
    old, new = await owner(proxied[0].address), await owner(proxied[0].address)
    await old.claims.claim([0, 1])
    assert await old.append(b"old") == [range(2)]
    await new.claims.claim([0])
    assert await new.append(b"new") == [range(2, 4)]
    with pytest.raises(PartitionTaken, match=f"partition 0 of {topic}: another worker has taken it over"):
        await old.append(b"late")
    assert await old.append(b"other", 1) == [range(2)], "of the other partition it is the owner still"
    assert sorted(await values(proxied, topic)) == [b"new", b"new", b"old", b"old", b"other", b"other"]


@pytest.mark.kafka
async def test_a_batch_that_was_on_its_way_when_the_new_owner_wrote_is_refused(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str, owner: MakeOwner
) -> None:
    old, new = await owner(proxy.address), await owner(proxied[0].address)
    await old.claims.claim([0])
    proxy.hold(PRODUCE)
    late = asyncio.create_task(old.append(b"late"))

    async def held() -> bool:
        return proxy.waiting > 0

    await wait_for("the batch at the proxy", held)
    await new.claims.claim([0])
    assert await new.append(b"new") == [range(2)]
    proxy.release()
    with pytest.raises(PartitionTaken):
        await late
    assert await values(proxied, topic) == [b"new", b"new"]


@pytest.mark.kafka
@pytest.mark.parametrize("rows", [1, 4])
async def test_a_batch_whose_acknowledgement_is_lost_lands_once(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str, owner: MakeOwner, rows: int
) -> None:
    sender = await owner(proxy.address)
    await sender.claims.claim([0])
    assert await sender.append(b"before") == [range(2)]
    proxy.swallow(Direction.TO_CLIENT)
    value = b"x" * (700_000 if rows > 1 else 1)  # a batch a record, or one for both
    sent = asyncio.create_task(sender.append(value, rows=rows))

    async def landed() -> bool:
        return len(await values(proxied, topic)) > 2

    await wait_for("the first batch in the changelog", landed)
    assert not sent.done()
    proxy.heal()
    assert [offset for batch in await sent for offset in batch] == list(range(2, 3 + rows))
    assert await sender.append(b"after") == [range(3 + rows, 5 + rows)]
    assert await values(proxied, topic) == [b"before"] * 2 + [value] * (rows + 1) + [b"after"] * 2


@pytest.mark.kafka
async def test_claims_are_renewed_by_their_holder_only(
    proxied: tuple[Broker, int], topic: str, owner: MakeOwner
) -> None:
    old, new = await owner(proxied[0].address), await owner(proxied[0].address)
    await old.claims.claim([0])
    first = old.claims.of(0)
    await old.append(b"old")
    await old.claims.claim([0])
    renewed = old.claims.of(0)
    assert (renewed.producer_id, renewed.epoch) == (first.producer_id, first.epoch + 1)
    assert await old.append(b"old") == [range(2, 4)]
    await new.claims.claim([0])
    with pytest.raises(PartitionTaken, match="partition 0: another worker has claimed it since this one did"):
        await old.claims.claim([0])
    await new.append(b"new")
    assert await values(proxied, topic) == [b"old"] * 4 + [b"new"] * 2


@pytest.mark.kafka
async def test_who_gets_a_partition_back_claims_it_anew(
    proxied: tuple[Broker, int], topic: str, owner: MakeOwner
) -> None:
    first, second = await owner(proxied[0].address), await owner(proxied[0].address)
    await first.claims.claim([0])
    await first.append(b"first")
    first.claims.release()
    with pytest.raises(PartitionTaken, match="partition 0 is written without a claim"):
        await first.append(b"between")
    await second.claims.claim([0])
    await second.append(b"second")
    await first.claims.claim([0])
    assert await first.append(b"again") == [range(4, 6)]
    with pytest.raises(PartitionTaken):
        await second.append(b"late")
    assert await values(proxied, topic) == [b"first"] * 2 + [b"second"] * 2 + [b"again"] * 2


@pytest.mark.kafka
async def test_sequences_begin_again_at_their_end(proxied: tuple[Broker, int], topic: str, owner: MakeOwner) -> None:
    sender = await owner(proxied[0].address)
    await sender.claims.claim([0])
    sender.claims.of(0)._sequence = (1 << 31) - 3  # a broker that knows nothing of a producer takes any
    assert [await sender.append(b"x") for _ in range(4)] == [[range(first, first + 2)] for first in range(0, 8, 2)]


@pytest.mark.kafka
async def test_nothing_lands_behind_a_batch_that_is_missing(
    proxied: tuple[Broker, int], topic: str, owner: MakeOwner
) -> None:
    sender = await owner(proxied[0].address)
    await sender.claims.claim([0])
    await sender.append(b"before")
    sender.claims.of(0)._sequence += 2  # as when a batch was given up
    with pytest.raises(OutOfOrderSequenceNumber):
        await sender.append(b"after")
    assert await values(proxied, topic) == [b"before"] * 2


@pytest.mark.kafka
async def test_a_coordinator_that_is_away_is_asked_again(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str, owner: MakeOwner
) -> None:
    sender = await owner(proxy.address)
    proxy.hold(FIND_COORDINATOR)
    claiming = asyncio.create_task(sender.claims.claim([0, 1]))

    async def held() -> bool:
        return proxy.waiting > 0

    await wait_for("the question at the proxy", held)
    proxy.refuse()  # which fails what waits, and what is tried now
    proxy.release()
    proxy.accept()
    await claiming
    assert await sender.append(b"x", 1) == [range(2)]


@pytest.mark.kafka
async def test_a_coordinator_that_stays_away_is_named(
    proxied: tuple[Broker, int], proxy: KafkaProxy, owner: MakeOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer_claims, "_PATIENCE_SECONDS", 0.5)
    sender = await owner(proxy.address)
    proxy.refuse()
    with pytest.raises(ClaimsUnanswered, match=r"the coordinator of transactional ids .*-users-\* did not answer"):
        await sender.claims.claim([0])


@pytest.mark.kafka
async def test_a_thousand_partitions_are_claimed_each_for_itself(proxied: tuple[Broker, int], owner: MakeOwner) -> None:
    sender = await owner(proxied[0].address)
    await sender.claims.claim(range(1024))
    claims = [sender.claims.of(partition) for partition in range(1024)]
    assert len({claim.producer_id for claim in claims}) == 1024


@pytest.mark.kafka
async def test_what_may_not_be_claimed_is_told_with_the_rule_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a rule names the ids, only those whom a rule names may use them."""
    for name, value in _ACCESS_RULES.items():
        monkeypatch.setitem(properties.COMMON, name, value)
    with Broker() as broker:
        producer = AcknowledgedProducer(Connection(broker.address), ProcessGuard(60.0, Supervisor()), held_lease())
        await producer.start()
        claims = ProducerClaims(producer.client, "shop-users-")
        await claims.claim([0])
        await _let_claim(producer, "User:somebody-else")

        async def is_forbidden() -> bool:
            try:
                await claims.claim([0])
            except ClaimsForbidden as error:
                return "--operation Write --resource-pattern-type prefixed --transactional-id shop-users-" in str(error)
            return False

        await wait_for("the rule", is_forbidden)
        await _let_claim(producer, "User:ANONYMOUS")

        async def is_allowed() -> bool:
            return not await is_forbidden()

        await wait_for("the other rule", is_allowed)
        await producer.stop()


_ACCESS_RULES = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}
_TRANSACTIONAL_ID, _PREFIXED, _WRITE, _ALLOW = 5, 4, 4, 3


async def _let_claim(producer: AcknowledgedProducer, principal: str) -> None:
    client = producer.client()
    rule = CreateAclsRequest(_TRANSACTIONAL_ID, "shop-users-", _PREFIXED, principal, "*", _WRITE, _ALLOW)
    response = await client.send(client.get_random_node(), rule)
    assert [code for code, *_ in response.creation_responses] == [0]


class Coordinator:
    """A coordinator on node 0 that gives each who asks the next epoch, when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answers = asyncio.Event(), asyncio.Event()
        self.epoch = -1

    def get_random_node(self) -> int:
        """Return the one that there is."""
        return 0

    async def send(self, _: int, request: object, **__: object) -> Any:
        """Answer; who is asked for a producer takes the epoch at once, and waits with the answer."""
        if isinstance(request, FindCoordinators):
            return SimpleNamespace(coordinators=[(key, 0, "", 0, 0) for key in request._ids])
        self.epoch += 1
        epoch = self.epoch
        self.asked.set()
        await self.answers.wait()
        return SimpleNamespace(error_code=0, producer_id=1, producer_epoch=epoch)


async def test_an_answer_that_comes_when_its_claims_are_released_takes_no_newer_ones_place() -> None:
    """A renewal goes on while the partitions are given away and come back."""
    coordinator = Coordinator()
    claims = ProducerClaims(lambda: cast(AIOKafkaClient, coordinator), "users-")
    renewal = asyncio.create_task(claims.claim({0}))
    await coordinator.asked.wait()
    held_up, coordinator.answers = coordinator.answers, asyncio.Event()
    coordinator.answers.set()
    claims.release()
    await claims.claim({0})
    assert claims.of(0).epoch == 1
    held_up.set()
    await renewal
    assert claims.of(0).epoch == 1, "0 would be refused by the broker"
