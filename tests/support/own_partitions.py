"""The partitions of a worker, around a table and a changelog that a test gives."""

from prometheus_client import CollectorRegistry

from agents.liveness.supervisor import Supervisor
from agents.users.metrics import UserMetrics
from agents.users.own_partitions import OwnPartitions
from agents.users.ownership import Ownership
from agents.users.row_writer import RowWriter
from tables.batch_table import BatchTable
from tables.partition_writer import Changelog
from tests.support.leaving import LeavingSupervisor


def own_partitions(
    table: BatchTable,
    changelog: Changelog,
    metrics: UserMetrics | None = None,
    supervisor: Supervisor | None = None,
    drain_seconds: float = 60.0,
) -> OwnPartitions:
    """Return them, none running yet; a process that would end raises `tests.support.leaving.Left`."""
    supervisor = supervisor or LeavingSupervisor()
    writer = RowWriter(changelog, table, metrics or UserMetrics(CollectorRegistry()))
    return OwnPartitions(table, Ownership(table.running, drain_seconds, supervisor), writer, supervisor)
