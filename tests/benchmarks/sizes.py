"""How much is measured: enough for steady figures, or just enough to see that everything runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Amounts of one repeat.

    Parameters
    ----------
    events : of the worker's throughput, each of another user.
    plain_events, plain_batched_events : that plain Faust gets of them.
    kernel_users : solved and scored without anything else.
    watched : events whose way into the query view is timed.
    http_seconds : of each of the alternating loads.
    solved_users : of the user solve kernel.
    stored_users : on disk, for memory and recovery.
    large_videos : of the model in memory and of the request on demand.
    """

    events: int = 40_000
    plain_events: int = 3_000
    plain_batched_events: int = 5_000
    kernel_users: int = 8_000
    watched: int = 200
    http_seconds: float = 3.0
    solved_users: int = 2_000
    stored_users: int = 1_000_000
    memory_videos: int = 100_000
    large_videos: int = 1_000_000
    partitions: int = 12
    n_videos: int = 10_000
    n_factors: int = 64
    top: int = 100


FULL = Sizes()
QUICK = Sizes(
    events=12_000,
    plain_events=600,
    plain_batched_events=1_000,
    kernel_users=1_000,
    watched=30,
    http_seconds=1.0,
    solved_users=300,
    stored_users=40_000,
    memory_videos=20_000,
    large_videos=100_000,
)
