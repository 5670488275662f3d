"""Candidates are tried on users of this worker: those of the region, recent ones first, and enough of them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.rollout.canary import Canary
from agents.rollout.models_in_use import ModelsInUse
from agents.users.recent_users import RecentUsers
from agents.users.user_state import UserState
from app.worker.metrics import WorkerMetrics
from models.errors import SolveFailed
from models.evaluation.canary import CanaryLimits
from models.evaluation.list_comparison import compare
from models.factorization.factor_model import FactorModel
from models.inference.recommend import recommend
from tests.support.announcements import announced
from tests.support.event_path.changelog_log import Log
from tests.support.event_path.made_up_events import PEOPLE, ratings
from tests.support.event_path.open_tables import opened
from tests.support.event_path.source_records import partition
from tests.support.event_path.swapping_worker import Swapped, other

ANY = CanaryLimits(
    min_overlap=0.0,
    max_score_drift=1000.0,
    min_coverage_ratio=0.0,
    max_popularity_rise=1.0,
    max_nothing_rise=1.0,
    max_held_out_rise=1.0,
)
STRICT = CanaryLimits(min_overlap=1.0, max_score_drift=0.0)


@pytest.fixture
def models(metrics: WorkerMetrics, model: FactorModel) -> ModelsInUse:
    """One model that serves everybody."""
    models = ModelsInUse(metrics.rollout)
    models.activate(model, announced("test-1", 0))
    return models


@pytest.fixture
async def worker(tmp_path: Path, models: ModelsInUse, metrics: WorkerMetrics) -> AsyncIterator[Swapped]:
    """A worker with ten users in us, fifteen in fr and the others nowhere."""
    async with opened(tmp_path / "table") as table:
        worker = Swapped(table, Log(), models, metrics)
        worker.take_over()
        await worker.apply([*ratings(PEOPLE[:10], "us"), *ratings(PEOPLE[10:25], "fr"), *ratings(PEOPLE[25:])])
        yield worker


def canary(
    worker: Swapped, users: int = 100, min_users: int = 1, limits: CanaryLimits = ANY, recent: Sequence[str] = ()
) -> Canary:
    """A canary on a worker's users."""
    noted = RecentUsers()
    for person in recent:
        noted.note(partition(person), person.encode())
    return Canary(
        table=worker.table,
        recent=noted,
        active_model=worker.models.active,
        users=users,
        min_users=min_users,
        limits=limits,
    )


async def test_a_candidate_is_held_against_what_its_users_see(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    candidate = other(model, "test-2", 2)
    tried = await canary(worker)(model, candidate)
    histories = canary(worker)._sample(model, model)
    assert len(histories) == len(PEOPLE)
    assert tried.comparison == compare(model, candidate, histories)
    assert tried.objections == []
    strict = await canary(worker, limits=STRICT)(model, candidate)
    assert len(strict.objections) >= 2


async def test_the_same_factors_pass_any_limit(worker: Swapped, model: FactorModel) -> None:
    tried = await canary(worker, limits=STRICT)(model, replace(model, version="again"))
    assert tried.comparison is not None
    assert (tried.comparison.overlap, tried.objections) == (1.0, [])


@pytest.mark.parametrize(("region", "count"), [("us", 10), ("fr", 15), ("br", 0), ("global", 40)])
async def test_users_are_those_whom_the_candidate_would_serve(
    worker: Swapped, model: FactorModel, region: str, count: int
) -> None:
    candidate = other(model, "test-2", 2, region)
    assert len(canary(worker)._sample(model, candidate)) == count


async def test_a_candidate_that_serves_already_is_tried_on_those_whom_it_serves(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    candidate = other(model, "test-2", 2)
    models.activate(candidate, announced("test-2", 1))
    assert len(canary(worker)._sample(model, candidate)) == len(PEOPLE)


async def test_a_region_with_a_model_of_its_own_is_no_concern_of_the_global_one(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    states = other(model, "states", 3, "us")
    models.activate(states, announced("states", 0, "us"))
    assert len(canary(worker)._sample(model, model)) == 30
    assert len(canary(worker)._sample(states, other(model, "states-2", 4, "us"))) == 10


async def test_too_few_users_judge_nothing(worker: Swapped, model: FactorModel) -> None:
    candidate = other(model, "test-2", 2)
    for without_verdict in (canary(worker, min_users=41, limits=STRICT), canary(worker, 0, limits=STRICT)):
        tried = await without_verdict(model, candidate)
        assert (tried.comparison, list(tried.objections)) == (None, [])


async def test_whoever_did_something_last_is_asked_first(worker: Swapped, model: FactorModel) -> None:
    recent = [*PEOPLE[30:35], PEOPLE[30], "nobody"]
    chosen = canary(worker, users=5, recent=recent)._sample(model, model)
    rows = [worker.row(person) for person in PEOPLE[30:35]]
    assert {history.ids for history in chosen} <= set(map(_ids, rows))
    assert len(chosen) == 5


async def test_a_partition_that_was_given_away_has_no_users(worker: Swapped, model: FactorModel) -> None:
    one = partition(PEOPLE[0])
    worker.table.running.discard(one)
    peer_lists = sum(partition(person) != one for person in PEOPLE)
    assert len(canary(worker, recent=PEOPLE)._sample(model, model)) == peer_lists
    worker.table.running.clear()
    assert canary(worker)._sample(model, model) == []


async def test_a_candidate_that_cannot_solve_a_user_is_rejected_and_one_that_serves_is_no_measure(
    worker: Swapped, model: FactorModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = other(model, "broken", 2)

    def recommends(which: FactorModel, *given: Any, **named: Any) -> Any:
        if which.version == "broken":
            raise SolveFailed(0, 2)
        return recommend(which, *given, **named)

    monkeypatch.setattr("agents.rollout.canary.recommend", recommends)
    monkeypatch.setattr("models.evaluation.list_comparison.recommend", recommends)
    (found,) = (await canary(worker)(model, broken)).objections
    assert "cannot solve 40 users" in found
    assert (await canary(worker, limits=STRICT)(broken, model)).objections == ()


def test_recent_users_are_bounded_and_each_is_named_once() -> None:
    recent = RecentUsers()
    for number in range(10_000):
        recent.note(number % 3, b"u%d" % (number % 5_000))
    found = recent.latest_first()
    assert len(found) == len(set(found)) <= 4_000
    assert found[0] == (9_999 % 3, b"u4999")


def _ids(row: bytes) -> bytes:
    return UserState.decode(row).history.ids
