"""Telling all workers, and whoever looks, that a version was refused here."""

import logging

from aiokafka.errors import KafkaError

from agents.kafka.producer import AcknowledgedProducer, Outgoing
from models.rollout.refusal import Refusal

_log = logging.getLogger(__name__)


class Refusals:
    """Writes refusals to their topic.

    Parameters
    ----------
    producer : sends them.
    topic : where to; compacted, one record an announcement.
    """

    def __init__(self, producer: AcknowledgedProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def tell(self, refusal: Refusal) -> None:
        """Return when the broker has it; a broker that does not take it is said in the log, and the refusal holds."""
        try:
            await self._producer.send([Outgoing(self._topic, refusal.key, refusal.encode(), partition=0)])
        except KafkaError as error:
            _log.error("the refusal of %s could not be told to others: %s", refusal.version, error)
