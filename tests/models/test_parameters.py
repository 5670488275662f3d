import math
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from models.errors import ParameterInvalid
from models.evaluation.canary import CanaryLimits
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.parameters import UNLIMITED, Allowed, Parameter, Parameters, parameters_of

KINDS: list[type[Parameters]] = [AlsHyperparameters, Stopping, CanaryLimits]


@dataclass(frozen=True, kw_only=True)
class Tides(Parameters):
    depth: Annotated[float, Allowed(0, 11_000, "Metres.")] = 10.0
    n_waves: Annotated[int, Allowed(1, UNLIMITED, "Waves a day.", option="waves")] = 2


def test_what_is_declared_is_told() -> None:
    assert parameters_of(Tides) == (
        Parameter("depth", "depth", float, 10.0, 0, 11_000, "Metres."),
        Parameter("n_waves", "waves", int, 2, 1, math.inf, "Waves a day."),
    )
    assert [one.allowed for one in parameters_of(Tides)] == ["a number from 0 to 11000", "a whole number from 1"]


@pytest.mark.parametrize("values", [{}, {"depth": 0}, {"depth": 11_000.0}, {"depth": 1}, {"n_waves": 10**30}])
def test_what_is_in_range_is_taken(values: dict[str, Any]) -> None:
    tides = Tides(**values)
    assert {name: getattr(tides, name) for name in values} == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"depth": -0.1}, r"depth is -0\.1; use a number from 0 to 11000"),
        ({"depth": 11_000.5}, r"depth is 11000\.5; use a number from 0 to 11000"),
        ({"depth": math.nan}, "depth is nan; use"),
        ({"depth": "1"}, "depth is '1'; use"),
        ({"depth": True}, "depth is True; use"),
        ({"n_waves": 0}, "n_waves is 0; use a whole number from 1"),
        ({"n_waves": 2.0}, r"n_waves is 2\.0; use a whole number"),
        ({"n_waves": None}, "n_waves is None; use"),
    ],
)
def test_what_is_out_of_range_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterInvalid, match=message):
        Tides(**values)


def test_infinity_is_no_value_even_where_there_is_no_limit() -> None:
    with pytest.raises(ParameterInvalid, match="regularization is inf; use a finite number"):
        AlsHyperparameters(regularization=math.inf)


def test_options_are_chosen_by_the_names_that_people_write() -> None:
    assert Tides.chosen({"waves": 3, "else": 1}) == Tides(n_waves=3)
    assert Tides.chosen({}) == Tides()
    with pytest.raises(ParameterInvalid, match="n_waves is 0"):
        Tides.chosen({"waves": 0})


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_allowed_and_every_parameter_says_what_it_is_for(kind: type[Parameters]) -> None:
    kind()
    for one in parameters_of(kind):
        assert one.help.endswith(".")
        assert one.least <= one.default <= one.most


def test_a_whole_number_beyond_every_float_is_refused_where_a_float_is_asked_for() -> None:
    with pytest.raises(ParameterInvalid, match="use a finite number"):
        AlsHyperparameters(regularization=10**400)
