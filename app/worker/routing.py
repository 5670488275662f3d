"""Who holds which partition, as the group's last assignment says; every worker knows all of it."""

import faust
from faust.types.assignor import HostToPartitionMap

from agents.users.own_partitions import OwnPartitions
from agents.users.users import Users
from app.worker.assignor import STANDBY, STANDBYS_WANTED
from app.worker.shared_parts import Shared


class AssignmentRouting:
    """Partition to address, from Faust's assignor.

    Parameters
    ----------
    app : its assignor carries every member's advertised URL and partitions.
    users : which partition a user is in, and which run here.
    changelog : the topic whose assignment tells who owns a partition.
    own_url : what this worker advertises, without a slash at the end.
    """

    def __init__(self, app: faust.App, users: Users, changelog: str, own_url: str) -> None:
        self._app = app
        self._users = users
        self._changelog = changelog
        self.own_url = own_url
        self.partitions = users.partitions

    def partition_of(self, user_id: str) -> int:
        """Return the user's partition."""
        return self._users.partition_of(user_id)

    def holds(self, partition: int) -> bool:
        """Return whether the partition runs here."""
        return self._users.holds(partition)

    def owner(self, partition: int) -> str | None:
        """Return the base URL of the partition's owner, None while it has none."""
        return self._keeper(self._changelog, partition)

    def all_owners(self) -> dict[int, str]:
        """Return the base URL of each partition's owner, without those that have none."""
        return {
            partition: str(url).rstrip("/")
            for url, topics in self._told().items()
            for partition in topics.get(self._changelog, ())
        }

    def workers(self) -> set[str]:
        """Return the base URLs of all workers."""
        return {str(url).rstrip("/") for url in self._told()}

    def standby(self, partition: int) -> str | None:
        """Return the base URL of the worker that keeps a second copy of the partition, None where there is none."""
        return self._keeper(STANDBY + self._changelog, partition)

    def unserved(self) -> list[int]:
        """Return the partitions that no worker has, by the last assignment; all of them before the first one."""
        owners = self.all_owners()
        return [partition for partition in range(self.partitions) if partition not in owners]

    def standbys_wanted(self) -> int | None:
        """Return how many standbys this worker wanted when the last assignment was made; None where nobody says."""
        for url, topics in self._told().items():
            if str(url).rstrip("/") == self.own_url and (wanted := topics.get(STANDBYS_WANTED)):
                return int(wanted[0])
        return None

    def _told(self) -> HostToPartitionMap:
        return self._app.router.tables_metadata()

    def _keeper(self, topic: str, partition: int) -> str | None:
        for url, topics in self._told().items():
            if partition in topics.get(topic, ()):
                return str(url).rstrip("/")
        return None


def make_routing(app: faust.App, shared: Shared, own: OwnPartitions) -> AssignmentRouting:
    """Return who holds what, by the assignment that Faust knows."""
    settings = shared.settings
    users = Users(own.table, settings.topics.partitions)
    return AssignmentRouting(app, users, shared.names.users_changelog, settings.http.advertised_url)
