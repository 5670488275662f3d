"""Holding answers against what was true: what a worker said of a user was so after some of the user's events."""

from collections.abc import Iterator, Mapping

import numpy as np
from aiokafka import ConsumerRecord

from models.factor_model import FactorModel
from models.history import Kind
from tests.integration.oracle import expect
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

    A history must be what the user's events up to the offset that is named with it make; a list must be the beginning
    of the one in the row that was written at its `as_of`, unless it was solved on the spot for a newer version.
    """
    published = {model.version: model for model in models}
    for version in answers.versions - published.keys():
        yield f"I3 a list of {version} was answered, which was never published"
    by_user: dict[str, list[ConsumerRecord]] = {}
    for record in good:
        by_user.setdefault(record.key.decode(), []).append(record)
    for seen in answers.users:
        before = [record for record in by_user.get(seen.user, ()) if record.offset <= seen.applied_offset]
        true = expect(before, history_limit).facts.get(seen.user, [])
        if seen.facts != [(ts, video, Kind(kind).name.lower(), value) for ts, video, kind, value in true]:
            yield f"I7 {seen.user}: the history that was answered is not that after offset {seen.applied_offset}"
    for listed in answers.lists:
        rows = written.get((listed.user, listed.as_of))
        if rows is None:
            yield f"I7 {listed.user}: no row was written at {listed.as_of}, of which a list was answered"
        elif any(row.version == listed.version for row in rows) and not any(
            _is_of(listed.items, row, published) for row in rows
        ):
            yield f"I7 {listed.user}: the list of {listed.as_of} is not the row's"


def _is_of(items: list[tuple[str, float]], row: Written, published: Mapping[str, FactorModel]) -> bool:
    """Return whether a list is the beginning of the one that a row holds."""
    model = published.get(row.version)
    if model is None:
        return False
    stored = [(model.video_ids[place], float(score)) for place, score in row.best[: len(items)]]
    return [video for video, _ in items] == [video for video, _ in stored] and np.allclose(
        [score for _, score in items], [score for _, score in stored], rtol=1e-6
    )
