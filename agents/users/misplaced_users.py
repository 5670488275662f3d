"""Users whom murmur2 of their id would have put into another partition: their producer uses another partitioner.

Rows are kept where the events lie, so such a user is complete, but a query looks where murmur2 says. What is known here
lets a query find them: which partitions have any. The ids are not kept, so this is a number for each partition.
A worker knows it of its own partitions (`MisplacedUsers`), and of all by records in the topic of the counts of
popularity (`MisplacedEverywhere`), which older workers pass over.
"""

import msgspec
from aiokafka import ConsumerRecord

from agents.kafka.producer import Outgoing
from models.json_nesting import shallow

_PREFIX = b"misplaced/"


class MisplacedUsers:
    """What is known of this worker's own partitions; noted in the thread of the chunks, read on the event loop.

    Attributes
    ----------
    events : events of such users that were applied since the start.
    """

    def __init__(self) -> None:
        self.events = 0
        self._found: dict[int, int] = {}
        self._noted: set[int] = set()

    def note(self, partition: int, events: int) -> None:
        """Take note of events in a partition, at least 1, of users who do not belong there."""
        self.events += events
        self._noted.add(partition)

    def begin_look(self, partition: int) -> None:
        """Begin to count a partition's users anew; what is noted from now on counts beside what will be found."""
        self._noted.discard(partition)

    def found(self, partition: int, users: int) -> None:
        """Take the number of such users among all of a partition."""
        self._found[partition] = users

    def keep(self, partitions: set[int]) -> None:
        """Forget all partitions but these: they belong to others now."""
        self._found = {partition: users for partition, users in self._found.items() if partition in partitions}
        self._noted &= partitions

    def users(self, partition: int) -> int:
        """Return how many there are in a partition, at least; those noted since the last look count as one."""
        return max(self._found.get(partition, 0), 1 if partition in self._noted else 0)


class _Told(msgspec.Struct, frozen=True):
    """The value of a record: how many such users a partition has, at least."""

    users: int


_DECODER = msgspec.json.Decoder(_Told)


class MisplacedEverywhere:
    """Which partitions of all have such users, as their owners tell.

    Parameters
    ----------
    partitions : N; records about others are passed over.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._users: dict[int, int] = {}

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that have any."""
        return frozenset(self._users)

    def users(self, partition: int) -> int:
        """Return how many a partition has, at least, as its owner told when that changed."""
        return self._users.get(partition, 0)

    def take(self, record: ConsumerRecord) -> bool:
        """Take a record of the topic; returns whether it was one of these."""
        key = record.key or b""
        if not key.startswith(_PREFIX):
            return False
        number = key[len(_PREFIX) :]
        partition = int(number) if number.isdigit() and len(number) <= 9 else self._partitions
        if partition < self._partitions:
            try:
                told = 0 if record.value is None else _DECODER.decode(shallow(record.value)).users
            except (msgspec.DecodeError, UnicodeError):
                return True
            self._users.pop(partition, None)
            if told > 0:
                self._users[partition] = told
        return True


def misplaced_record(topic: str, partition: int, users: int) -> Outgoing:
    """Return the record that tells how many such users a partition has; none removes what was told before."""
    value = msgspec.json.encode(_Told(users)) if users else None
    return Outgoing(topic, _PREFIX + b"%d" % partition, value, partition=0)
