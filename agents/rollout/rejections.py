"""Telling all workers, and whoever looks, that a version was rejected here."""

import logging

from aiokafka.errors import KafkaError

from agents.kafka.producer import AcknowledgedProducer, Outgoing
from models.rollout.rejection import Rejection

_log = logging.getLogger(__name__)


class Rejections:
    """Writes rejections to their topic.

    Parameters
    ----------
    producer : sends them.
    topic : where to; compacted, one record an announcement.
    """

    def __init__(self, producer: AcknowledgedProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def tell(self, rejection: Rejection) -> None:
        """Return when the broker has it; a broker that does not take it is said in the log, and the rejection holds."""
        try:
            await self._producer.send([Outgoing(self._topic, rejection.key, rejection.encode(), partition=0)])
        except KafkaError as error:
            _log.error("the rejection of %s could not be told to others: %s", rejection.version, error)
