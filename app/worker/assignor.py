"""Who gets which partition: Faust's assignor, which tells members more, and lets them ask for another assignment."""

from aiokafka.cluster import ClusterMetadata
from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import (
    ClientAssignmentMapping,
    MemberAssignmentMapping,
    MemberMetadataMapping,
    PartitionAssignor,
)
from faust.types import AppT
from faust.types.assignor import HostToPartitionMap

STANDBY = "standby:"
"""Before a changelog's name, in what the group knows of a worker: the partitions of which it keeps a copy."""
STANDBYS_WANTED = "standbys wanted"
"""In what a member says of itself, and in what the group knows of it: how many standbys its settings ask for."""
_ASKED = "assignments asked for"
"""In what a member says of itself: a number that is new when it asks, so that the broker takes it for a change."""


class TellingAssignor(PartitionAssignor):
    """Faust's assignor, which tells more, and makes standbys while any member wants them.

    Every worker hears where the standbys are (under `STANDBY` and the changelog), and with which setting of its own the
    assignment was made (`STANDBYS_WANTED`). Faust would go by the setting of whoever leads the group, so that standbys
    would come and go while workers with another setting come, one after the other; and a new worker that was started
    without the setting shall take them from nobody.

    Attributes
    ----------
    asked : how often this member asked for a new assignment. The group shares out again when what a member says of
        itself has changed, and does not when a static member comes back: so it would keep a wrong assignment for good.
    """

    def __init__(self, app: AppT, replicas: int = 0) -> None:
        super().__init__(app, replicas)
        self.asked = 0
        self._own_wish = replicas
        self._wishes: dict[str, int] = {}

    @property
    def _metadata(self) -> ClientMetadata:
        said = super()._metadata
        said.topic_groups = {**said.topic_groups, STANDBYS_WANTED: self._own_wish, _ASKED: self.asked}
        return said

    def _perform_assignment(
        self, cluster: ClusterMetadata, member_metadata: MemberMetadataMapping
    ) -> MemberAssignmentMapping:
        said = {member: self._get_client_metadata(metadata) for member, metadata in member_metadata.items()}
        wishes = {member: told.topic_groups.get(STANDBYS_WANTED) for member, told in said.items()}
        self._wishes = {member: wish for member, wish in wishes.items() if wish is not None}
        self.replicas = max(self._wishes.values(), default=self._own_wish)
        return super()._perform_assignment(cluster, member_metadata)

    def _get_changelog_distribution(self, assignments: ClientAssignmentMapping) -> HostToPartitionMap:
        found = super()._get_changelog_distribution(assignments)
        changelogs = self._table_manager.changelog_topics
        for client, assignment in assignments.items():
            standbys = self._topics_filtered(assignment.standbys, changelogs)
            told = found[self._member_urls[client]]
            told.update({STANDBY + topic: found_at for topic, found_at in standbys.items()})
            if client in self._wishes:
                told[STANDBYS_WANTED] = [self._wishes[client]]
        return found
