"""Holding a cluster's state against the oracle: nothing skipped, nothing applied twice, every list right."""

from collections import Counter
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import cast

import numpy as np
from aiokafka import ConsumerRecord
from rocksdict import AccessType, Options, Rdict

from agents.popularity.own_popularity import POPULARITY_PREFIX
from agents.users.user_state import UserState
from models.factorization.factor_model import FactorModel
from models.factorization.model_id import DIGEST_BYTES
from tables.applied_offset import LOCAL
from tables.position import POSITION_KEY, Position
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.oracle import (
    Expected,
    applied_offsets_that_fell,
    expect,
    newest_rows,
    read_topic,
    reference_scores,
)
from tests.support.waiting import wait_for


async def applied(
    cluster: Cluster,
    good: list[ConsumerRecord] | None = None,
    seconds: float = 60.0,
    rejected: AbstractSet[bytes] = frozenset(),
) -> Expected:
    """Wait until the changelog's positions reach the source's ends; returns what the state must be.

    `good` leaves rejected records out; by default every record of the source is good. Records whose values are in
    `rejected` are not waited for, either: their producer took them back.
    """
    source = await read_topic(cluster.bootstrap, cluster.names.member_events)
    ends = dict.fromkeys(range(PARTITIONS), 0)
    for record in source:
        if record.value not in rejected:
            ends[record.partition] = record.offset + 1

    async def reached() -> bool:
        rows = newest_rows(await read_topic(cluster.bootstrap, cluster.names.users_changelog))
        positions = {at[0]: Position.decode(row) for at, row in rows.items() if at[1] == POSITION_KEY}
        return all(
            end == 0 or (partition in positions and positions[partition].next_offset == end)
            for partition, end in ends.items()
        )

    await wait_for("position at the end of every source partition", reached, seconds)
    return expect(source if good is None else good)


async def check_changelog(cluster: Cluster, model: FactorModel, expected: Expected) -> None:
    """Check every row of the changelog: histories, lists, popularity; and that no applied offset ever fell."""
    changelog = await read_topic(cluster.bootstrap, cluster.names.users_changelog)
    assert list(applied_offsets_that_fell(changelog)) == []
    rows = newest_rows(changelog)
    states = {key.decode(): UserState.decode(row) for (_, key), row in rows.items() if not key.startswith(b"\0")}
    assert states.keys() == expected.facts.keys()
    for user, state in states.items():
        check_user(user, state, model, expected)
    by_video: Counter[str] = Counter()
    for (_, key), row in rows.items():
        if key.startswith(POPULARITY_PREFIX):
            by_video[key.rsplit(b"\0", 1)[1].decode()] += int.from_bytes(row[8:12], "little")
    assert by_video == expected.likes  # counters are equal whatever they hold zeros of


def check_user(user: str, state: UserState, model: FactorModel, expected: Expected) -> None:
    """Check one user's history exactly, and the stored list within 1e-4 of the float64 reference."""
    found = [
        (int(fact["ts"]), video, int(fact["kind"]), float(fact["value"]))
        for fact, video in zip(state.history.facts, state.history.videos, strict=True)
    ]
    assert found == expected.facts[user], f"history of {user}"
    newest_change, newest = expected.applied_offsets[user]
    assert newest_change <= state.applied_offset <= newest, f"applied offset of {user}"
    assert state.history.region_name == expected.regions.get(user), f"region of {user}"
    if listed_by(state) != name_of(model) or not len(state.top):
        return
    reference = reference_scores(model, found)
    videos = [model.video_ids[row] for row in state.top.rows]
    largest = max(abs(score) for score in reference.values())
    wanted = [reference[video] for video in videos]
    np.testing.assert_allclose(state.top.scores, wanted, rtol=1e-4, atol=1e-4 * largest, err_msg=f"scores of {user}")
    seen = {video for _, video, kind, _ in found if kind in {1, 2, 6}}
    assert not seen & set(videos)
    left_out = max(
        (score for video, score in reference.items() if video not in seen and video not in videos), default=-np.inf
    )
    assert left_out <= min(wanted) + 1e-4 * largest, f"{user}: a better video is missing from the list"


def name_of(model: FactorModel) -> str:
    """Return what names a model in a cluster, where two regions may have versions of one name."""
    return f"{model.region}/{model.version}"


def listed_by(state: UserState) -> str:
    """Return the name of the model that made a stored list, "" where there is none."""
    return state.model[DIGEST_BYTES:].decode()


async def check_databases(cluster: Cluster, folder: Path) -> None:
    """Check that a stopped worker's RocksDB, sole owner of all partitions, holds exactly the changelog's rows."""
    rows = newest_rows(await read_topic(cluster.bootstrap, cluster.names.users_changelog))
    stored = {(partition, key): row for partition in range(PARTITIONS) for key, row in database_rows(folder, partition)}
    assert stored == rows


def database_rows(folder: Path, partition: int) -> list[tuple[bytes, bytes]]:
    """Return the rows of one partition's database, without those that are no part of the changelog."""
    (path,) = folder.rglob(f"users-{partition}.db")
    database = Rdict(str(path), options=Options(raw_mode=True), access_type=AccessType.read_only())
    try:
        rows = cast("list[tuple[bytes, bytes]]", list(database.items()))
        return [(key, row) for key, row in rows if not key.startswith((b"__faust", LOCAL))]
    finally:
        database.close()
