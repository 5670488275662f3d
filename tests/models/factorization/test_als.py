from typing import Any

import numpy as np
import pytest
from implicit.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.errors import LearningFailed, ParameterInvalid
from models.factorization.als import AlsLearner, objective, solve_side
from models.factorization.factor_model import gram_of
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.factorization.learner import LearnedFactors
from models.factorization.user_solver import SolverParameters, UserSolver
from models.feedback.interactions import Interactions


def interactions_of(matrix: NDArray[Any]) -> Interactions:
    sparse = csr_matrix(matrix.astype(np.float32))
    users, videos = (tuple(map(str, range(size))) for size in matrix.shape)
    return Interactions(users, videos, sparse.indptr.astype(np.int64), sparse.indices, sparse.data)


def checkerboard(n: int) -> NDArray[np.float64]:
    """Even users like even videos, odd users odd ones, and nobody the one of the own number (withheld)."""
    row, column = np.indices((n, n))
    return np.asarray(((row + column) % 2 == 0) - np.eye(n))


def random_matrix(seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((40, 25)) < 0.2, rng.uniform(0.5, 3.0, (40, 25)), 0.0)


def dense_objective(
    matrix: NDArray[Any], users: NDArray[Any], videos: NDArray[Any], parameters: SolverParameters
) -> float:
    """The objective as it is written, pair by pair."""
    w0, reg, e = parameters.unobserved_weight, parameters.regularization, parameters.frequency_exponent
    scores = users.astype(float) @ videos.astype(float).T
    total = np.sum(matrix.astype(np.float32) * (scores - 1) ** 2) + w0 * np.sum(scores**2)
    for side, counts, n_others in (
        (users, (matrix > 0).sum(axis=1), len(videos)),
        (videos, (matrix > 0).sum(axis=0), len(users)),
    ):
        total += reg * np.sum((counts + w0 * n_others) ** e * np.sum(side.astype(float) ** 2, axis=1))
    return float(total)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_objective_is_the_formula(exponent: float) -> None:
    rng = np.random.default_rng(1)
    matrix, users, videos = random_matrix(), rng.normal(size=(40, 3)), rng.normal(size=(25, 3))
    parameters = SolverParameters(regularization=0.2, unobserved_weight=0.3, frequency_exponent=exponent)
    found = objective(interactions_of(matrix), users, videos, parameters)
    assert found == pytest.approx(dense_objective(matrix, users, videos, parameters), rel=1e-12)


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_each_half_step_lowers_the_objective(exponent: float) -> None:
    by_user = interactions_of(random_matrix())
    by_video = by_user.transposed()
    parameters = SolverParameters(regularization=0.05, unobserved_weight=0.1, frequency_exponent=exponent)
    rng = np.random.default_rng(2)
    users, videos = (rng.normal(0, 1, (n, 6)).astype(np.float32) for n in (40, 25))
    before = objective(by_user, users, videos, parameters)
    for _ in range(5):
        users = solve_side(by_user, videos, parameters)
        middle = objective(by_user, users, videos, parameters)
        videos = solve_side(by_video, users, parameters)
        after = objective(by_user, users, videos, parameters)
        assert after < middle < before
        before = after


def test_a_half_step_cannot_be_improved_upon() -> None:
    matrix, rng = random_matrix(), np.random.default_rng(3)
    parameters = SolverParameters(regularization=0.05, unobserved_weight=0.1)
    users = rng.normal(0, 1, (40, 4)).astype(np.float32)
    videos = solve_side(interactions_of(matrix).transposed(), users, parameters)
    best = dense_objective(matrix, users, videos, parameters)
    for _ in range(20):
        other = videos + rng.normal(0, 0.01, videos.shape)
        assert dense_objective(matrix, users, other, parameters) > best


def learned_from(matrix: NDArray[Any], iterations: int, **hyperparameters: Any) -> LearnedFactors:
    """Learn with the constants of the paper's public code, unless others are given."""
    constants = {"regularization": 0.003, "unobserved_weight": 0.1} | hyperparameters
    learner = AlsLearner(AlsHyperparameters(**constants))
    return learner.learn(interactions_of(matrix), stopping=Stopping(iterations=iterations))


def test_listeners_hear_a_falling_objective() -> None:
    seen: list[tuple[int, float]] = []
    by_user = interactions_of(random_matrix())
    learned = AlsLearner(AlsHyperparameters(n_factors=5, regularization=0.003, unobserved_weight=0.1)).learn(
        by_user,
        stopping=Stopping(iterations=6),
        listeners=[lambda iteration: seen.append((iteration.number, iteration.objective))],
    )
    assert [iteration for iteration, _ in seen] == [1, 2, 3, 4, 5, 6]
    values = [value for _, value in seen]
    assert values == sorted(values, reverse=True)
    assert learned.solver == SolverParameters(regularization=0.003, unobserved_weight=0.1, frequency_exponent=1.0)
    assert values[-1] == objective(by_user, learned.user_factors, learned.video_factors, learned.solver)


def test_rank_one_fixed_point() -> None:
    # every user has every video with confidence s: by symmetry u v = x for all pairs, and |u|^2 = |v|^2 for n users and
    # n videos. The objective n^2 (s (x - 1)^2 + w0 x^2) + 2 n reg' x, reg' = reg (n + w0 n), is lowest where
    # n (s (x - 1) + w0 x) + reg' = 0.
    n, s, w0, reg = 12, 2.0, 0.5, 0.2
    learned = learned_from(np.full((n, n), s), 200, n_factors=1, regularization=reg, unobserved_weight=w0)
    x = (s - reg * (1 + w0)) / (s + w0)
    assert np.allclose(learned.user_factors @ learned.video_factors.T, x, rtol=1e-5)


def test_more_factors_than_the_rank_needs_change_nothing() -> None:
    one, three = (learned_from(np.full((10, 10), 1.0), 300, n_factors=k, regularization=0.01) for k in (1, 3))
    product = one.user_factors @ one.video_factors.T
    assert np.allclose(product, three.user_factors @ three.video_factors.T, atol=1e-4)


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_checkerboard_brings_back_the_withheld_diagonal(exponent: float) -> None:
    n = 50
    matrix = checkerboard(n)
    # two factors hold the two kinds of users and videos, and leave no room to learn the holes on the diagonal
    learned = learned_from(matrix, 20, n_factors=2, regularization=0.01, frequency_exponent=exponent)
    scores = learned.user_factors @ learned.video_factors.T
    scores[matrix > 0] = -np.inf
    assert scores.argmax(axis=1).tolist() == list(range(n))


def test_the_same_seed_gives_the_same_factors() -> None:
    one, same, other = (learned_from(random_matrix(), 3, n_factors=4, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(one.video_factors, same.video_factors)
    assert not np.allclose(one.video_factors, other.video_factors)


def test_shapes_and_empty_rows_and_columns() -> None:
    matrix = np.array([[1.0, 0, 2], [0, 0, 0]])
    learned = learned_from(matrix, 2, n_factors=4)
    assert isinstance(learned, LearnedFactors)
    assert learned.video_factors.dtype == learned.user_factors.dtype == np.float32
    assert learned.video_factors.shape == (3, 4)
    assert not learned.user_factors[1].any()
    assert not learned.video_factors[1].any()


@pytest.mark.parametrize(
    ("options", "iterations", "matrix", "error", "message"),
    [
        ({}, 1, np.zeros((2, 2)), LearningFailed, "no user has a video"),
        ({"n_factors": 0}, 1, np.eye(2), ParameterInvalid, "n_factors is 0"),
        ({}, 0, np.eye(2), ParameterInvalid, "iterations is 0"),
        ({"regularization": float("nan")}, 1, np.eye(2), ParameterInvalid, "regularization is nan"),
    ],
)
def test_what_cannot_be_learned_is_refused(
    options: dict[str, Any], iterations: int, matrix: NDArray[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        learned_from(matrix, iterations, **options)


def test_implicit_solves_the_same_users() -> None:
    # implicit (Hu et al. 2008) weighs an observed pair c = alpha * value and all others 1, so it solves
    #   (gram + sum (c - 1) v v^T + reg I) u = sum c v,
    # our matrix for s = c - 1, w0 = 1 and exponent 0. With one c for all, the right-hand sides sum c v and sum s v are
    # parallel, and the solutions with them: theirs = ours * c / (c - 1).
    rng = np.random.default_rng(4)
    videos = rng.normal(0, 0.3, (200, 16)).astype(np.float32)
    rows, c = np.sort(rng.choice(200, 30, replace=False)).astype(np.int32), 5.0
    oracle = AlternatingLeastSquares(factors=16, regularization=0.7, alpha=c, use_native=True, num_threads=1)
    oracle.item_factors = videos
    theirs = oracle.recalculate_user(0, csr_matrix((np.ones(30, np.float32), rows, [0, 30]), shape=(1, 200)))
    parameters = SolverParameters(regularization=0.7, unobserved_weight=1.0, frequency_exponent=0.0)
    solver = UserSolver(videos, gram_of(videos), parameters)
    ours = solver.solve(np.array([0, 30]), rows, np.full(30, c - 1, np.float32))[0]
    assert np.allclose(theirs, ours * c / (c - 1), rtol=1e-4, atol=1e-6)
