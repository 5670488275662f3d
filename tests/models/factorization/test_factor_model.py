from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from models.errors import FactorsInvalid
from models.factorization.factor_model import FactorModel, gram_of
from models.factorization.model_description import ModelDescription


def build(**changes: Any) -> FactorModel:
    parts: dict[str, Any] = {
        "region": "us",
        "version": "v1",
        "video_ids": ["a", "b", "c"],
        "factors": np.array([[1, 2], [3, 4], [0, 5]], np.float32),
        "popularity": np.array([3, 0, 1]),
        "description": ModelDescription(),
    }
    return FactorModel.build(**(parts | changes))


def test_derived_parts_by_hand() -> None:
    model = build()
    assert model.gram.tolist() == [[10, 14], [14, 45]]
    assert dict(model.index) == {"a": 0, "b": 1, "c": 2}
    assert (model.n_videos, model.n_factors) == (3, 2)
    assert model.solver is model.solver
    assert [array.dtype for array in (model.factors, model.gram, model.popularity)] == [np.float32] * 3


def test_a_model_cannot_change() -> None:
    factors = np.ones((3, 2), np.float32)
    model = build(factors=factors)
    factors[0] = 99.0  # the caller's array, not the model's
    assert model.factors.tolist() == [[1, 1]] * 3
    for array in (model.factors, model.gram, model.popularity):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 2.0
    with pytest.raises(FrozenInstanceError):
        model.version = "v2"  # type: ignore[misc]


def test_a_read_only_array_is_not_copied() -> None:
    factors = np.ones((3, 2), np.float32)
    factors.flags.writeable = False
    assert np.shares_memory(build(factors=factors).factors, factors)


def test_factors_become_float32_in_rows() -> None:
    model = build(factors=np.asfortranarray(np.array([[1, 2], [3, 4], [0, 5]], np.float64)))
    assert model.factors.flags.c_contiguous
    assert model.gram.tolist() == [[10, 14], [14, 45]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": np.ones((2, 2), np.float32)}, "factors have shape"),
        ({"factors": np.ones(3, np.float32)}, "factors have shape"),
        ({"factors": np.ones((3, 0), np.float32)}, "factors have shape"),
        ({"factors": np.ones((3, 2), np.complex64)}, "dtype complex64"),
        ({"factors": np.full((3, 2), "1")}, "dtype <U1"),
        ({"factors": np.array([[1, 1], [1, np.nan], [1, 1]])}, "NaN or infinity, first in row 1"),
        ({"factors": np.array([[1, 1], [1, 1], [1, np.inf]])}, "NaN or infinity, first in row 2"),
        ({"factors": np.full((3, 2), 1e300)}, "NaN or infinity, first in row 0"),
        ({"popularity": np.ones(2)}, "popularity have shape"),
        ({"popularity": np.array([1, -2, 1])}, "'b' is -2.0, below 0"),
        ({"video_ids": ["a", "b"]}, "2 videos need"),
        ({"video_ids": ["a", "b", "a"]}, "'a' appears more than once"),
        ({"video_ids": ["a", "", "c"]}, "row 1 is empty"),
        ({"video_ids": [], "factors": np.ones((0, 2), np.float32), "popularity": np.ones(0)}, "at least one video"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FactorsInvalid, match=message):
        build(**changes)


def test_gram_of_many_rows_is_summed_in_float64() -> None:
    # 1 + 20,000 * 2^-24: in float32 each addend would be lost
    factors = np.full((20_001, 1), 2.0**-12, np.float32)
    factors[0] = 1.0
    assert gram_of(factors)[0, 0] == 1.0 + 20_000 * 2.0**-24
