"""Holding answers against what was true: what a worker said of a user was so after some of the user's events."""

from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
from aiokafka import ConsumerRecord

from agents.kafka.partitions import partition_of
from models.factorization.factor_model import FactorModel
from models.feedback.facts import Kind
from models.names import GLOBAL_REGION
from tests.support.cluster.cluster import PARTITIONS
from tests.support.cluster.oracle import expect, reference_scores
from tests.support.cluster.verdict import name_of
from tests.system.answers import Answers
from tests.system.changelog import Written


def untrue(
    answers: Answers,
    good: list[ConsumerRecord],
    written: Mapping[tuple[str, int], list[Written]],
    models: list[FactorModel],
    history_limit: int,
) -> Iterator[str]:
    """Yield, in words, each kept answer that was never true (I3, I7).

    A history must be what the user's events up to the offset that is named with it make. A list must be what the one
    version that it names makes of the history in the row that was written at its `as_of`, computed anew in float64;
    and where that row's list is of the version, its beginning. Who was unknown after they had been known was erased.
    """
    published = {name_of(model): model for model in models}
    for version in answers.versions - {model.version for model in models}:
        yield f"I3 a list of {version} was answered, which was never published"
    by_user: dict[str, list[ConsumerRecord]] = {}
    for record in good:
        if record.partition == partition_of(record.key, PARTITIONS):  # an erasure may lie in every other one, too
            by_user.setdefault(record.key.decode(), []).append(record)
    for user, offset in answers.gone.items():
        if not any(record.value is None and record.offset >= offset for record in by_user.get(user, ())):
            yield f"I7 {user}: answered as a new user after offset {offset} was shown, and nobody erased them"
    for seen in answers.users:
        before = [record for record in by_user.get(seen.user, ()) if record.offset <= seen.applied_offset]
        true = expect(before, history_limit).facts.get(seen.user, [])
        if seen.facts != [(ts, video, Kind(kind).name.lower(), value) for ts, video, kind, value in true]:
            yield f"I7 {seen.user}: the history that was answered is not that after offset {seen.applied_offset}"
    reference = cache(lambda name, facts: reference_scores(published[name], list(facts)))
    for listed in answers.lists:
        rows, name = written.get((listed.user, listed.as_of)), f"{listed.region}/{listed.version}"
        if name not in published:
            name = f"{GLOBAL_REGION}/{listed.version}"
        if name not in published:
            continue
        if rows is None:
            yield f"I7 {listed.user}: no row was written at {listed.as_of}, of which a list was answered"
        elif any(row.model == name for row in rows) and not any(_is_of(listed.items, row, published) for row in rows):
            yield f"I7 {listed.user}: the list of {listed.as_of} is not the row's"
        elif not any(is_best(listed.items, reference(name, tuple(row.facts)), row.facts) for row in rows):
            yield f"I3 {listed.user}: the list of {listed.as_of} is not what {name} makes of the history"


def is_best(
    items: list[tuple[str, float]], reference: Mapping[str, float], facts: list[tuple[int, str, int, float]]
) -> bool:
    """Tell whether a list has the best unseen videos of a reference, each with its score; 1e-4 is for float32."""
    near = 1e-4 * max(map(abs, reference.values()))
    seen = {video for _, video, kind, _ in facts if kind in {Kind.PLAY, Kind.RATE, Kind.DISMISS}}
    listed = dict(items)
    if len(listed) < len(items) or not listed.keys() <= reference.keys() - seen:
        return False
    if any(abs(score - reference[video]) > near for video, score in items):
        return False
    scores = [score for _, score in items]
    left_out = [score for video, score in reference.items() if video not in seen and video not in listed]
    return scores == sorted(scores, reverse=True) and max(left_out, default=-np.inf) <= min(scores) + near


def _is_of(items: list[tuple[str, float]], row: Written, published: Mapping[str, FactorModel]) -> bool:
    """Return whether a list is the beginning of the one that a row holds."""
    model = published.get(row.model)
    if model is None:
        return False
    stored = [(model.video_ids[place], float(score)) for place, score in row.best[: len(items)]]
    return [video for video, _ in items] == [video for video, _ in stored] and np.allclose(
        [score for _, score in items], [score for _, score in stored], rtol=1e-6
    )
