"""When a record arrived in Kafka, by which it is judged whether an event is dated in the future.

A topic that `nearline topics create` made gives every record the broker's time, in others it is the producer's. The
worker's clock has no say: two workers, and one that reads the topic again a year later, must decide alike, and a
wrong clock must not send good events to the dead letters.
"""

from aiokafka import ConsumerRecord

_FIRST_MS = 1_293_840_000_000
"""2011, when Kafka came out; a producer that gives an earlier time, or -1, gives none."""


def arrived_at(record: ConsumerRecord, now: float) -> float:
    """Return when a record arrived, in seconds since the epoch; `now` where nothing in the record tells."""
    timestamp = record.timestamp
    return timestamp / 1000 if timestamp >= _FIRST_MS else now
