"""Curves of the numeric kernels: over videos, factors and facts; in this process, one thread, by CPU seconds."""

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from agents.users.user_state import UserState
from models.factorization.factor_model import FactorModel
from models.inference.recommend import recommend, solve_histories
from tests.benchmarks.alternating import Side, alternate
from tests.benchmarks.bench import Bench
from tests.benchmarks.curves.curve import Curve, Line
from tests.benchmarks.curves.sizes import CurveSizes
from tests.benchmarks.limits import scan_side, scores_side, solve_sides
from tests.benchmarks.workload import event, histories, random_model, stored_state

_FACTS, _TOP, _LIMIT = 100, 100, 20_000
_WORK = 1.5e9  # multiplications and additions of a point, 50 to 100 ms
_FEWEST, _MOST, _FEWEST_AT_ONCE = 8, 500, 128  # fewer than those would wait for memory
_VIDEOS_FOR_FACTS = 20_000

_BATCH, _SOLVE, _ALONE = "histories → best 100, many users", "histories → user factors", "BLAS and LAPACK alone"
_ONE, _ONE_ALONE = "one user at a time", "the same with matrix times vector"
_ROW = "row read, event applied, row written"


async def over_videos(bench: Bench, sizes: CurveSizes) -> list[Curve]:
    """Return users per CPU second over the number of videos: many at once, and one after the other."""
    curve = Curve(
        "videos",
        f"Recommendations and the size of the catalogue (k = {bench.sizes.n_factors}, {_FACTS} facts)",
        "videos",
        "users per CPU second",
        [Line(_BATCH), Line(_ALONE, limit=True), Line(_ONE), Line(_ONE_ALONE, limit=True)],
    )
    for n_videos in sizes.videos:
        bench.say(f"curve over videos: {n_videos:,}")
        model = random_model(n_videos, bench.sizes.n_factors)
        curve.add(n_videos, _rates(model, _FACTS, sizes.rounds, on_demand=True))
    return [curve]


async def over_factors(bench: Bench, sizes: CurveSizes) -> list[Curve]:
    """Return users per CPU second over the number of factors."""
    curve = Curve(
        "factors",
        f"Recommendations and the number of factors ({bench.sizes.n_videos:,} videos, {_FACTS} facts)",
        "factors, k",
        "users per CPU second",
        [Line(_BATCH), Line(_ALONE, limit=True)],
    )
    for n_factors in sizes.factors:
        bench.say(f"curve over factors: {n_factors}")
        curve.add(n_factors, _rates(random_model(bench.sizes.n_videos, n_factors), _FACTS, sizes.rounds))
    return [curve]


async def over_facts(bench: Bench, sizes: CurveSizes) -> list[Curve]:
    """Return microseconds of a user over the length of the history; 3,000 facts are the most that a worker keeps."""
    k_line, n_line = f"{bench.sizes.n_factors} equations alone", "as many equations as facts alone"
    curve = Curve(
        "facts",
        f"The user solve and the length of the history (k = {bench.sizes.n_factors})",
        "facts of the user",
        "CPU microseconds per user",
        [Line(_SOLVE), Line(k_line, limit=True), Line(n_line, limit=True), Line(_ROW)],
    )
    model = random_model(_VIDEOS_FOR_FACTS, bench.sizes.n_factors)
    for facts in sizes.facts:
        bench.say(f"curve over facts: {facts:,}")
        count = _count(facts * bench.sizes.n_factors**2 + bench.sizes.n_factors**3)
        limits = solve_sides(facts, model.n_factors, count)
        names = {"k_equations": k_line, "n_equations": n_line}
        sides = {**_history_sides(model, facts, count), **{names[name]: limits[name] for name in limits}}
        spent = alternate(sides, sizes.rounds)
        curve.add(facts, {name: [1e6 * seconds / count for seconds in every] for name, every in spent.items()})
    return [curve]


def _history_sides(model: FactorModel, facts: int, count: int) -> dict[str, Side]:
    users = histories(count, facts, model.n_videos)
    rows = [stored_state(history, model, None).encode() for history in users]
    return {
        _SOLVE: lambda: solve_histories(model, users),
        _ROW: lambda: [_applied(row, number) for number, row in enumerate(rows)],
    }


def _rates(model: FactorModel, facts: int, rounds: int, *, on_demand: bool = False) -> Mapping[str, list[float]]:
    """Return users for each CPU second of every line, by round."""
    asked = _count(model.n_videos * model.n_factors + facts * model.n_factors**2)
    count = max(asked, _FEWEST_AT_ONCE)
    users = histories(count, facts, model.n_videos)
    solved = solve_histories(model, users)
    limits = solve_sides(facts, model.n_factors, count)
    sides: dict[str, Side] = {
        _BATCH: lambda: recommend(model, users, _TOP),
        "scores": scores_side(solved, model.factors),
        **limits,
    }
    if on_demand:
        sides[_ONE] = lambda: [recommend(model, [user], _TOP) for user in users[:asked]]
        sides["scans"] = scan_side(solved[:asked], model.factors)
    counts = {_ONE: asked, "scans": asked}
    spent = {name: np.array(every) / counts.get(name, count) for name, every in alternate(sides, rounds).items()}
    spent[_ALONE] = np.min([spent[name] for name in limits], axis=0)
    if on_demand:
        spent[_ONE_ALONE] = spent[_ALONE] + spent["scans"]
    spent[_ALONE] += spent["scores"]
    return {name: (1 / seconds).tolist() for name, seconds in spent.items()}


def _count(work: float) -> int:
    """Return how many users of so much work make a point."""
    return int(np.clip(_WORK / work, _FEWEST, _MOST))


def _applied(row: bytes, number: int) -> bytes:
    """Return a stored row after one event."""
    state = UserState.decode(row)
    history = state.history.apply([event(number, number % _VIDEOS_FOR_FACTS, "e")], _LIMIT)
    return replace(state, history=history).encode()
