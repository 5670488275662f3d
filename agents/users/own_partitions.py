"""What everybody needs who writes rows of this worker's partitions."""

from dataclasses import dataclass

from agents.liveness.supervisor import Supervisor
from agents.users.ownership import Ownership
from agents.users.row_writer import RowWriter
from tables.batch_table import BatchTable


@dataclass(frozen=True, slots=True)
class OwnPartitions:
    """The partitions of this worker: what they hold, whose turn it is, and the one way to write.

    Parameters
    ----------
    table : where rows are read.
    ownership : gives the turns.
    writer : writes rows, in a turn.
    supervisor : ends the process when a write fails.
    """

    table: BatchTable
    ownership: Ownership
    writer: RowWriter
    supervisor: Supervisor
