"""The contract of `models.factorization.learner.Learner`, which every learner in `LEARNERS` keeps."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import LearningFailed, ParameterInvalid
from models.factorization.als import AlsLearner
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.factorization.learner import Iteration, LearnedFactors, Learner
from models.factorization.user_solver import SolverParameters
from models.feedback.interactions import Interactions
from models.parameters import Parameters, parameters_of

LEARNERS: Final[dict[str, Callable[..., Learner]]] = {
    "als": lambda **chosen: AlsLearner(AlsHyperparameters(**chosen)),
}
"""By name: a learner with some of its hyperparameters, which each has: `n_factors` and `seed`."""

N_USERS, N_VIDEOS = 30, 20


def interactions_of(matrix: NDArray[Any]) -> Interactions:
    users, videos = (tuple(map(str, range(size))) for size in matrix.shape)
    rows, columns = np.nonzero(matrix)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(matrix)))))
    return Interactions(users, videos, indptr, columns.astype(np.int32), matrix[rows, columns].astype(np.float32))


def matrix() -> NDArray[np.float64]:
    """Confidences of users with one of two tastes; the last user and the last video have none."""
    row, column = np.indices((N_USERS, N_VIDEOS))
    kept = np.random.default_rng(5).random((N_USERS, N_VIDEOS)) < 0.6
    confidences = np.where(((row + column) % 2 == 0) & kept, 1.0 + (row % 3), 0.0)
    confidences[-1], confidences[:, -1] = 0.0, 0.0
    return confidences


@pytest.fixture(params=LEARNERS)
def make(request: pytest.FixtureRequest) -> Callable[..., Learner]:
    return LEARNERS[request.param]


def learned(learner: Learner, confidences: NDArray[Any] | None = None, iterations: int = 4) -> LearnedFactors:
    return learner.learn(
        interactions_of(matrix() if confidences is None else confidences), stopping=Stopping(iterations=iterations)
    )


def test_shapes_types_and_finite_values(make: Callable[..., Learner]) -> None:
    found = learned(make(n_factors=3))
    assert (found.video_factors.shape, found.user_factors.shape) == ((N_VIDEOS, 3), (N_USERS, 3))
    assert found.video_factors.dtype == found.user_factors.dtype == np.float32
    assert np.isfinite(found.video_factors).all()
    assert np.isfinite(found.user_factors).all()
    assert isinstance(found.solver, SolverParameters)


def test_who_did_nothing_and_what_nobody_did_have_factors_of_0(make: Callable[..., Learner]) -> None:
    found = learned(make(n_factors=3))
    assert not found.user_factors[-1].any()
    assert not found.video_factors[-1].any()
    assert found.user_factors[:-1].any(axis=1).all()
    assert found.video_factors[:-1].any(axis=1).all()


def test_the_same_seed_gives_the_same_bits(make: Callable[..., Learner]) -> None:
    learner = make(n_factors=3, seed=7)
    one, again, anew, other = (learned(one) for one in (learner, learner, make(n_factors=3, seed=7), make(n_factors=3)))
    for found in (again, anew):
        assert found.video_factors.tobytes() == one.video_factors.tobytes()
        assert found.user_factors.tobytes() == one.user_factors.tobytes()
    assert not np.allclose(one.video_factors, other.video_factors)


def test_the_order_of_the_users_does_not_matter(make: Callable[..., Learner]) -> None:
    order = np.random.default_rng(3).permutation(N_USERS)
    one, other = learned(make(n_factors=3)), learned(make(n_factors=3), matrix()[order])
    np.testing.assert_allclose(other.video_factors, one.video_factors, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(other.user_factors, one.user_factors[order], rtol=1e-3, atol=1e-4)


def test_what_is_learned_from_is_left_as_it_was(make: Callable[..., Learner]) -> None:
    interactions, copy = interactions_of(matrix()), interactions_of(matrix())
    make(n_factors=2).learn(interactions, stopping=Stopping(iterations=2))
    for name in ("indptr", "rows", "confidences"):
        np.testing.assert_array_equal(getattr(interactions, name), getattr(copy, name))


def test_two_tastes_are_told_apart(make: Callable[..., Learner]) -> None:
    found = learned(make(n_factors=2), iterations=30)
    scores = (found.user_factors @ found.video_factors.T)[:-1, :-1]
    row, column = np.indices(scores.shape)
    own = (row + column) % 2 == 0
    assert scores[own].min() > scores[~own].max()


@pytest.mark.parametrize("iterations", [1, 5])
def test_each_listener_hears_each_iteration_in_order_and_then_it_stops(
    make: Callable[..., Learner], iterations: int
) -> None:
    heard: list[tuple[str, int]] = []
    make(n_factors=2).learn(
        interactions_of(matrix()),
        stopping=Stopping(iterations=iterations),
        listeners=[lambda one: heard.append(("a", one.number)), lambda one: heard.append(("b", one.number))],
    )
    assert heard == [(name, number) for number in range(1, iterations + 1) for name in "ab"]


def test_the_objective_falls_and_listening_changes_nothing(make: Callable[..., Learner]) -> None:
    objectives: list[float] = []
    learner, interactions = make(n_factors=3), interactions_of(matrix())
    listened = learner.learn(
        interactions,
        stopping=Stopping(iterations=4),
        listeners=[lambda one: objectives.append(one.objective), lambda one: objectives.append(one.objective)],
    )
    assert np.isfinite(objectives).all()
    assert objectives[::2] == objectives[1::2]  # the same for each who asks
    assert objectives[-1] < objectives[0]
    assert listened.video_factors.tobytes() == learned(learner).video_factors.tobytes()


def test_what_a_listener_raises_ends_the_learning(make: Callable[..., Learner]) -> None:
    heard: list[int] = []

    def stop(iteration: Iteration) -> None:
        heard.append(iteration.number)
        if iteration.number == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make(n_factors=2).learn(interactions_of(matrix()), stopping=Stopping(iterations=9), listeners=[stop])
    assert heard == [1, 2]


@pytest.mark.parametrize("shape", [(3, 4), (3, 0), (0, 0)])
def test_nothing_to_learn_from_says_so(make: Callable[..., Learner], shape: tuple[int, int]) -> None:
    with pytest.raises(LearningFailed, match="no user has a video with a confidence above 0: collect more events"):
        learned(make(n_factors=2), np.zeros(shape))


def test_one_entry_is_enough(make: Callable[..., Learner]) -> None:
    found = learned(make(n_factors=2), np.array([[0.0, 0.0], [0.0, 1.0]]))
    score = float(found.user_factors[1] @ found.video_factors[1])
    assert np.isfinite(score)
    assert not found.user_factors[0].any()


def test_hyperparameters_make_the_same_learner_again(make: Callable[..., Learner]) -> None:
    told = make(n_factors=3, seed=7).hyperparameters
    assert isinstance(told, Parameters)
    read = msgspec.json.decode(msgspec.json.encode(asdict(told)))
    assert type(told)(**read) == told
    again = make(**read)
    assert again.hyperparameters == told
    assert learned(again).video_factors.tobytes() == learned(make(n_factors=3, seed=7)).video_factors.tobytes()


def test_every_hyperparameter_is_checked(make: Callable[..., Learner]) -> None:
    kind = type(make().hyperparameters)
    assert {one.name for one in parameters_of(kind)} >= {"n_factors", "seed"}
    for one in parameters_of(kind):
        with pytest.raises(ParameterInvalid, match=f"{one.name} is "):
            make(**{one.name: one.kind(one.least) - 1})


def test_a_learner_takes_no_hyperparameter_that_it_does_not_know(make: Callable[..., Learner]) -> None:
    with pytest.raises(TypeError):
        make(no_such_parameter=1)
