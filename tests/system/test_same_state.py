"""The same events into three workers, of which one dies, and into one: the same state, row by row."""

from itertools import islice
from pathlib import Path

import numpy as np

from agents.popularity.own_popularity import POPULARITY_PREFIX
from agents.users.user_state import UserState
from models.factorization.factor_model import FactorModel
from tables.applied_offset import RESERVED
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import happenings
from tests.system.changelog import Changelog
from tests.system.records import Book
from tests.system.scenario import Scenario

_EVENTS = 4_000
RELATIVE_ERROR = 1e-6


async def test_three_workers_come_to_the_state_of_one(cluster: Cluster, tmp_path: Path, book: Book, seed: int) -> None:
    alone = Cluster(cluster.bootstrap, f"{cluster.names.app_id}-alone", tmp_path / "alone")
    (tmp_path / "alone").mkdir()
    await alone.create_topics()
    sent = list(islice(happenings(seed), _EVENTS))
    three = Scenario(cluster, book, "3 = 1", "three workers, one of them killed, and one alone: equal rows", seed)
    one = Scenario(alone, book, "3 = 1", "three workers, one of them killed, and one alone: equal rows", seed)
    try:
        workers = await three.begin(3)
        await cluster.send(sent[: _EVENTS // 2])
        since = three.fault()
        workers[0].kill()
        workers[0].start()
        await cluster.send(sent[_EVENTS // 2 :])
        await three.served_again(since)
        await three.conclude()
        await one.begin(1)
        await alone.send(sent)
        await one.conclude()
    finally:
        alone.end()
    compare(await Changelog.read(cluster), await Changelog.read(alone), three.models[0])


def compare(three: Changelog, one: Changelog, model: FactorModel) -> None:
    """Check that two clusters hold the same: histories and event ids to the bit, lists and factors within 1e-6."""
    assert three.positions == one.positions
    assert three.rows.keys() == one.rows.keys()
    users = 0
    for (partition, key), row in three.rows.items():
        other = one.rows[partition, key]
        if key.startswith(POPULARITY_PREFIX):
            assert row == other, key
        elif not key.startswith(RESERVED):
            users += 1
            ours, theirs = UserState.decode(row), UserState.decode(other)
            assert (ours.history, ours.applied_offset, ours.recent) == (
                theirs.history,
                theirs.applied_offset,
                theirs.recent,
            ), key
            assert (ours.version, theirs.version) == (model.version,) * 2, key
            assert ours.top_rows == theirs.top_rows, key
            np.testing.assert_allclose(ours.top.scores, theirs.top.scores, rtol=RELATIVE_ERROR, err_msg=str(key))
            np.testing.assert_allclose(_factors(ours, model), _factors(theirs, model), rtol=RELATIVE_ERROR)
    assert users


def _factors(state: UserState, model: FactorModel) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    rows, confidences = model.description.confidence.confidences(state.history, model.index)
    return model.solver.solve(np.array([0, len(rows)]), rows, confidences)
