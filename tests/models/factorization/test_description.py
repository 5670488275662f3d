import json

import pytest

from models.errors import DescriptionInvalid
from models.factorization.description import ModelDescription, decode_description, encode_description
from models.factorization.user_solver import SolverParameters
from models.feedback.strengths import StrengthRule


def test_what_is_written_is_read_back() -> None:
    description = ModelDescription(
        strengths=StrengthRule(play_full_seconds=60.0, list_weight=0.25),
        solver=SolverParameters(regularization=0.01, frequency_exponent=0.5),
        ranker={"type": "ScoringRanker", "scorer": {"features": [{"type": "Popularity", "days": 10}]}},
    )
    assert decode_description(encode_description(description)) == description


def test_the_text_is_json_that_names_every_constant() -> None:
    described = json.loads(encode_description(ModelDescription()))
    assert set(described) == {"strengths", "solver", "ranker"}
    assert described["solver"] == {"regularization": 0.003, "unobserved_weight": 0.1, "frequency_exponent": 1.0}
    assert described["strengths"]["play_full_seconds"] == 1200.0
    assert described["ranker"]["scorer"]["function"]["weights"] == {"predictedRating": 1.0}


def test_equal_descriptions_give_equal_bytes() -> None:
    one, other = {"type": "a", "days": 1}, {"days": 1, "type": "a"}
    assert encode_description(ModelDescription(ranker=one)) == encode_description(ModelDescription(ranker=other))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"strength": {}}',
        b'{"strengths": {"play_weight": -1}}',
        b'{"strengths": {"play_weight": NaN}}',
        b'{"strengths": {"play_full_seconds": 0}}',
        b'{"strengths": {"like_rating": 6}}',
        b'{"strengths": {"rate_weight": 1}}',
        b'{"solver": {"regularization": "0.1"}}',
        b'{"ranker": []}',
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(DescriptionInvalid, match=r"model\.json"):
        decode_description(data)
