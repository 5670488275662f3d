"""Kafka's own fence behind the lease: the owner claims its changelog, and its first batch ends what others still send.

That batch is the position once more, where there is one, so the claim counts from the first moment on, and not only
when the first event comes. A claim that nobody renews is forgotten: by the partition's leader a day after its last
batch, by the coordinator after a week. So it is renewed twice a day, in the same way.
"""

import asyncio
import logging
from collections.abc import Collection

from agents.kafka.producer_claims import ClaimsForbidden, ClaimsUnanswered, PartitionTaken, ProducerClaims
from agents.liveness.exit_status import EXIT_CONFIG
from agents.users.own_partitions import OwnPartitions
from tables.position import Position

_log = logging.getLogger(__name__)
_RENEW_SECONDS = 12 * 3600.0
_AGAIN_SECONDS = 600.0


class Claiming:
    """Claims the changelog partitions of a worker; see the module.

    Parameters
    ----------
    own : whose they are.
    claims : has the claims; writes are made with them.
    """

    def __init__(self, own: OwnPartitions, claims: ProducerClaims) -> None:
        self._own = own
        self._claims = claims
        self._generation = -1

    async def take(self, partitions: Collection[int]) -> None:
        """Claim partitions whose tables are complete, before anything else is written to them.

        Claims of a generation before are never used again, though the partition may be the same. When the generation
        ends meanwhile nothing is written.

        Raises
        ------
        ClaimsForbidden, ClaimsUnanswered
            When the broker does not let it, or does not answer.
        """
        generation = self._own.ownership.generation
        if generation != self._generation:
            self._claims.release()
            self._generation = generation
        await self._claims.claim(partitions)
        await self._write_positions(generation, partitions)

    async def renew(self) -> None:
        """Claim the partitions that run once more; the process ends when somebody else has done so, too."""
        generation, running = self._own.ownership.generation, set(self._own.ownership.running)
        try:
            await self._claims.claim(running)
        except PartitionTaken as error:
            if generation == self._own.ownership.generation:
                self._own.supervisor.leave(str(error))
            return  # as it should be: they were given away meanwhile
        except ClaimsForbidden as error:
            self._own.supervisor.leave(str(error), EXIT_CONFIG)
        await self._write_positions(generation, running)
        _log.info("the claims on the changelog are renewed")

    async def _write_positions(self, generation: int, partitions: Collection[int]) -> None:
        ownership = self._own.ownership
        async with ownership.turn(generation) as current:
            if current:
                ownership.write(self._write(partitions))  # not cancelled with whoever asked for it
                await ownership.stored()

    async def _write(self, partitions: Collection[int]) -> None:
        stored = {partition: self._own.table.position(partition) for partition in partitions}
        with self._own.supervisor.must_succeed("the position of a claimed partition could not be written"):
            await asyncio.gather(*(self._write_position(*at) for at in stored.items()))

    async def _write_position(self, partition: int, position: Position | None) -> None:
        if position is not None:  # else nothing of it was ever written
            await self._own.writer.write(partition, {}, position)


async def renew_regularly(claiming: Claiming) -> None:
    """For ever: renew the claims twice a day; where nobody answers, again soon, for they are good for a day."""
    pause = _RENEW_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            await claiming.renew()
        except ClaimsUnanswered as error:
            pause = _AGAIN_SECONDS
            _log.error("the claims on the changelog are not renewed, and will be in %.0f s: %s", pause, error)
            continue
        pause = _RENEW_SECONDS
