"""Claims on changelog partitions that the broker itself knows: who claims one later ends what the one before may send.

Every partition has a transactional id of its own, though nothing here is a transaction. Whoever asks the coordinator
for that id's producer gets the same producer id, with the epoch one higher. Batches carry both, and a sequence. As soon
as one of the higher epoch is in the partition, the broker refuses those of the lower ones, so a batch of a worker that
was thought dead cannot land any more; and by the sequence it knows a batch that it has taken already, whose
acknowledgement was lost.

aiokafka can do this for one transactional id a producer, and only within transactions.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from itertools import islice

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import ConcurrentTransactions, KafkaError, TransactionalIdAuthorizationFailed, for_code
from aiokafka.producer.message_accumulator import BatchBuilder

from agents.kafka.claim_requests import NOBODY, PRODUCER_FENCED, FindCoordinators, InitProducer
from agents.kafka.connection import some_node

_SEQUENCES = 1 << 31
_AT_ONCE = 256
_PATIENCE_SECONDS = 60.0
"""A new cluster first makes its topic of claims, which takes 4 s, and 19 s on a machine with too much to do."""
_AGAIN_SECONDS = 0.05


class PartitionTaken(Exception):
    """Another worker has claimed a partition since, so what this one sends to it is refused."""


class ClaimsForbidden(Exception):
    """The broker does not let this worker claim partitions; somebody must change its access rules."""


class ClaimsUnanswered(Exception):
    """The coordinator of the claims did not answer in time."""


class ProducerClaim:
    """The right to write one partition, as the broker knows it.

    Parameters
    ----------
    producer_id : of the partition.
    epoch : of this claim, 0 to 32,766.
    """

    def __init__(self, producer_id: int, epoch: int) -> None:
        self.producer_id = producer_id
        self.epoch = epoch
        self._sequence = 0

    def mark(self, batch: BatchBuilder) -> None:
        """Let a batch, which goes behind those marked before, be this claim's; nothing may be added to it any more."""
        batch.close()
        batch._set_producer_state(self.producer_id, self.epoch, self._sequence)  # noqa: SLF001
        self._sequence = (self._sequence + batch.record_count()) % _SEQUENCES


class ProducerClaims:
    """Claims partitions and holds the claims.

    Parameters
    ----------
    client : returns what requests are sent with, once it is connected.
    prefix : of the transactional ids; the partition's number follows.
    """

    def __init__(self, client: Callable[[], AIOKafkaClient], prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._held: dict[int, ProducerClaim] = {}

    async def prepare(self) -> None:
        """Let a new cluster make its own topic for claims now, which takes seconds, and not at the first takeover."""
        with suppress(KafkaError, ClaimsForbidden):  # who claims hears of it
            await self._coordinators(self._client(), [0])

    def of(self, partition: int) -> ProducerClaim:
        """Return the claim of a partition; raises `PartitionTaken` where none is held."""
        if partition not in self._held:
            raise PartitionTaken(f"partition {partition} is written without a claim: it was never taken over, or lost")
        return self._held[partition]

    def release(self) -> None:
        """Forget all claims; they end when somebody else claims the partitions."""
        self._held = {}

    async def claim(self, partitions: Collection[int]) -> None:
        """Claim partitions, each above whoever had it before; or once more, where this holds the last claim on it.

        Raises
        ------
        PartitionTaken
            When the claim that was held is not the last one any more.
        ClaimsForbidden
            When access rules do not let this worker claim.
        ClaimsUnanswered
            When the coordinator did not answer within 60 s.
        """
        left = iter(sorted(partitions))
        while part := list(islice(left, _AT_ONCE)):
            await self._claim(part)

    async def _claim(self, partitions: Collection[int]) -> None:
        left, deadline = set(partitions), time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                left -= await self._ask(left)
                reason = "it is loading, or there is none"
            except KafkaError as error:
                if not error.retriable:
                    raise
                reason = repr(error)
                await self._client().force_metadata_update()
            if not left:
                return
            if time.monotonic() > deadline:
                raise ClaimsUnanswered(
                    f"the coordinator of transactional ids {self._prefix}* did not answer for {_PATIENCE_SECONDS:.0f} "
                    f"s ({reason}). Where the brokers are fewer than three, transaction.state.log.replication.factor "
                    "and transaction.state.log.min.isr must be as few: see the operating guide"
                )
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _ask(self, partitions: Iterable[int]) -> set[int]:
        """Ask once for each partition; return those that are claimed now, the others may be asked for again."""
        client, held = self._client(), self._held  # claims that are released meanwhile do not come back
        coordinators = await self._coordinators(client, partitions)
        answers = await asyncio.gather(
            *(self._ask_for(client, node, partition) for partition, node in coordinators.items()),
            return_exceptions=True,  # none may be under way when it is asked again
        )
        claimed = set()
        for partition, answer in zip(coordinators, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            if answer is not None:
                held[partition] = answer
                claimed.add(partition)
        return claimed

    async def _coordinators(self, client: AIOKafkaClient, partitions: Iterable[int]) -> Mapping[int, int]:
        """Return the node that has each partition's id, of those of which the broker can tell."""
        ids = {self._id(partition): partition for partition in partitions}
        response = await client.send(some_node(client), FindCoordinators(list(ids)))
        found = {}
        for key, node, _, _, code, *_ in response.coordinators:
            if self._is_there(code):
                found[ids[key]] = node
        return found

    async def _ask_for(self, client: AIOKafkaClient, node: int, partition: int) -> ProducerClaim | None:
        held = self._held.get(partition)
        before = (held.producer_id, held.epoch) if held else (NOBODY, NOBODY)
        request = InitProducer(self._id(partition), *before)
        response = await client.send(node, request, group=ConnectionGroup.COORDINATION)
        if response.error_code == PRODUCER_FENCED:
            raise PartitionTaken(f"partition {partition}: another worker has claimed it since this one did")
        if not self._is_there(response.error_code):
            return None
        return ProducerClaim(response.producer_id, response.producer_epoch)

    def _is_there(self, code: int) -> bool:
        """Return whether an answer has what was asked for, False when it may have it soon; raises what it says."""
        error = for_code(code)
        if error is TransactionalIdAuthorizationFailed:
            raise ClaimsForbidden(
                f"this worker may not claim partitions: its principal needs WRITE on the transactional ids that begin "
                f"with {self._prefix} (kafka-acls --add --operation Write --resource-pattern-type prefixed "
                f"--transactional-id {self._prefix})"
            )
        if code and not (error.retriable or error is ConcurrentTransactions):
            raise error
        return not code

    def _id(self, partition: int) -> str:
        return f"{self._prefix}{partition}"
