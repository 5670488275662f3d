import json
from hashlib import sha256
from pathlib import Path

import pytest

from models.errors import DescriptionInvalid
from models.factorization.model_description import ModelDescription, decode_description, encode_description
from models.factorization.ranker import FeatureScorer, Linear, Popularity, PredictedRating, ScoringRanker
from models.factorization.user_solver import SolverParameters
from models.feedback.confidence import ConfidenceRule


def test_what_is_written_is_read_back() -> None:
    description = ModelDescription(
        confidence=ConfidenceRule(play_full_seconds=60.0, list_weight=0.25),
        solver=SolverParameters(regularization=0.01, frequency_exponent=0.5),
        ranker=ScoringRanker(
            scorer=FeatureScorer(
                features=(Popularity(days=10),), function=Linear(bias=1.0, weights={"popularity*popularity": 2.0})
            )
        ),
    )
    assert decode_description(encode_description(description)) == description


def test_the_text_is_json_that_names_every_constant() -> None:
    described = json.loads(encode_description(ModelDescription()))
    assert set(described) == {"strengths", "solver", "ranker"}
    assert described["solver"] == {"regularization": 0.01, "unobserved_weight": 0.2, "frequency_exponent": 1.0}
    assert described["strengths"]["play_full_seconds"] == 1200.0
    assert described["ranker"]["scorer"]["function"]["weights"] == {"predictedRating": 1.0}


def test_equal_descriptions_give_equal_bytes() -> None:
    orders = ({"popularity": 1.0, "predictedRating": 2.0}, {"predictedRating": 2.0, "popularity": 1.0})
    features = (Popularity(days=1), PredictedRating())
    one, other = (
        ModelDescription(
            ranker=ScoringRanker(scorer=FeatureScorer(features=features, function=Linear(bias=0.0, weights=weights)))
        )
        for weights in orders
    )
    assert encode_description(one) == encode_description(other)


def test_what_stored_versions_say_is_written_as_it_was() -> None:
    (path,) = Path(__file__).parents[2].glob("golden/store/global/*/model.json")
    stored = path.read_bytes()
    assert encode_description(decode_description(stored)) == stored
    assert sha256(stored).hexdigest() == "5bef8f2ae08b75668955561b9520465dddef940671586ff1c4a47e38879d6e43"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"confidence": {}}',
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
