"""Both sides of the event path did the same work: the lists that they stored are those of the same histories.

What lies at the end of their changelogs is compared with lists that are computed here, from the users' histories and
their one event. Single-precision sums in another order may swap or drop what is all but equal; nothing else may differ.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.users.user_state import UserState
from models.feedback.events import decode_event
from models.feedback.history import History
from models.inference.recommend import recommend
from tests.benchmarks.bench import Bench
from tests.benchmarks.waiting import BenchmarkFailed, deadline
from tests.benchmarks.workload import event_records, histories_before

_LIMIT, _LAST, _LEAST_COMMON, _FAR_FUTURE = 500, 20, 0.97, 4e9
_READ_SECONDS = 60.0


async def hold_ours(bench: Bench, changelog: str) -> None:
    """Check the last rows that a worker stored; raises `BenchmarkFailed`."""
    await _hold(bench, "the worker", changelog, lambda row: UserState.decode(row).top.rows.tolist())


async def hold_plain(bench: Bench, changelog: str) -> None:
    """Check the last scores that plain Faust stored; raises `BenchmarkFailed`."""
    places = 8 * bench.sizes.top  # int64 rows, then float32 scores
    await _hold(bench, "plain Faust", changelog, lambda row: np.frombuffer(row[:places], np.int64).tolist())


def expected(bench: Bench, users: Iterable[int]) -> dict[int, list[int]]:
    """Return the rows that each of these users should be given, for those whose event is about a new video."""
    sizes = bench.sizes
    before = histories_before(sizes.events, bench.facts, sizes.n_videos)
    records = dict(enumerate(event_records(0, sizes.events, sizes.n_videos, "any-")))
    after: dict[int, History] = {}
    for user in users:
        key, value = records[user]
        event, history = decode_event(value, key, now=_FAR_FUTURE), before[user % len(before)]
        if event.video_id not in history.videos:  # plain Faust counts a second rating twice
            after[user] = history.apply([event], _LIMIT)
    tops = recommend(bench.model, list(after.values()), sizes.top)
    return {user: top.rows.tolist() for user, top in zip(after, tops, strict=True)}


async def _hold(bench: Bench, who: str, changelog: str, rows_of: Callable[[bytes], list[int]]) -> None:
    stored = await _last_rows(bench.bootstrap, changelog)
    compare(who, expected(bench, stored), {user: rows_of(row) for user, row in stored.items()})


def compare(who: str, wanted: Mapping[int, Sequence[int]], stored: Mapping[int, Iterable[int]]) -> None:
    """Check the stored lists of users against those that they should have.

    Raises
    ------
    BenchmarkFailed
        A list is another, or there is none to check.
    """
    if not wanted:
        raise BenchmarkFailed(f"{who} stored no list that can be checked")
    for user, rows in wanted.items():
        common = len(set(rows) & set(stored[user])) / len(rows)
        if common < _LEAST_COMMON:
            raise BenchmarkFailed(f"{who} gave user {user} a list of which {common:.0%} are the best videos")


async def _last_rows(bootstrap: str, changelog: str) -> dict[int, bytes]:
    """Return the newest rows of users in partition 0."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(changelog, 0)
        consumer.assign([place])
        found: dict[int, bytes] = {}
        async with deadline(_READ_SECONDS, f"the last rows of {changelog}", lambda: f"{len(found)} users came"):
            end = (await consumer.end_offsets([place]))[place]
            consumer.seek(place, max(0, end - _LAST))
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    found |= {int(r.key[1:]): r.value for r in records if r.key.startswith(b"u") and r.value}
        return found
    finally:
        await consumer.stop()
