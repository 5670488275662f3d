"""Up to where the source is applied, as the changelog says: the positions that were written with the rows."""

from aiokafka import AIOKafkaConsumer, TopicPartition

from tables.position import POSITION_KEY, Position
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.waiting import wait_for


class Positions:
    """Follows the changelog of the users, all of it once.

    Parameters
    ----------
    cluster : whose.

    Attributes
    ----------
    reached : partition to the highest source offset behind what is applied, as of the last `look`.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._changelog = AIOKafkaConsumer(
            cluster.names.users_changelog, bootstrap_servers=cluster.bootstrap, auto_offset_reset="earliest"
        )
        self.reached = dict.fromkeys(range(PARTITIONS), 0)

    async def start(self) -> None:
        """Connect."""
        await self._changelog.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._changelog.stop()

    async def look(self) -> None:
        """Read to the end that the changelog has now; one that is cut short goes on with the next call."""
        changelog = self._changelog
        ends: dict[TopicPartition, int] = await changelog.end_offsets(changelog.assignment())
        while any([await changelog.position(at) < end for at, end in ends.items()]):
            for at, records in (await changelog.getmany(timeout_ms=200)).items():
                for record in records:
                    if record.key == POSITION_KEY and record.value is not None:
                        reached = Position.decode(record.value).next_offset
                        self.reached[at.partition] = max(reached, self.reached[at.partition])


async def applied_everywhere(cluster: Cluster, seconds: float = 60.0) -> None:
    """Wait until more is applied of every partition than is now."""
    positions = Positions(cluster)
    await positions.start()
    try:
        await positions.look()
        before = dict(positions.reached)

        async def has_moved() -> bool:
            await positions.look()
            return all(reached > before[partition] for partition, reached in positions.reached.items())

        await wait_for("events that are applied in each partition", has_moved, seconds)
    finally:
        await positions.stop()
