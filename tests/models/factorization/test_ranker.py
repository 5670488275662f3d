import json
from copy import deepcopy
from typing import Any

import pytest

from models.errors import DescriptionInvalid
from models.factorization.model_description import ModelDescription, decode_description, encode_description
from models.factorization.ranker import (
    PREDICTED_RATING,
    FeatureScorer,
    Linear,
    Popularity,
    PredictedRating,
    ScoringRanker,
)

SLIDE_28 = """
{"type": "ScoringRanker", "scorer": {"type": "FeatureScorer",
  "features": [{"type": "Popularity", "days": 10}, {"type": "PredictedRating"}],
  "function": {"type": "Linear", "bias": -0.5,
    "weights": {"popularity": 0.2, "predictedRating": 1.2, "predictedRating*popularity": 3.5}}}}
"""
MEANT = ScoringRanker(
    scorer=FeatureScorer(
        features=(Popularity(days=10), PredictedRating()),
        function=Linear(
            bias=-0.5, weights={"popularity": 0.2, "predictedRating": 1.2, "predictedRating*popularity": 3.5}
        ),
    )
)
GONE: Any = object()


def decoded(ranker: str) -> ScoringRanker:
    return decode_description(f'{{"ranker": {ranker}}}'.encode()).ranker


def changed(path: tuple[str | int, ...], value: Any) -> str:
    """The slide's text with another value at a place."""
    ranker = json.loads(SLIDE_28)
    place = ranker
    for step in path[:-1]:
        place = place[step]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = deepcopy(value)
    return json.dumps(ranker)


def test_the_text_of_the_talk_loads_as_it_stands() -> None:
    assert decoded(SLIDE_28) == MEANT
    assert decode_description(encode_description(ModelDescription(ranker=MEANT))).ranker == MEANT


def test_without_a_ranker_the_score_decides() -> None:
    assert decode_description(b"{}").ranker == PREDICTED_RATING
    written = json.loads(encode_description(ModelDescription()))["ranker"]
    assert written == {
        "type": "ScoringRanker",
        "scorer": {
            "type": "FeatureScorer",
            "features": [{"type": "PredictedRating"}],
            "function": {"type": "Linear", "bias": 0.0, "weights": {"predictedRating": 1.0}},
        },
    }


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("type",), "NoSuchRanker", "$.ranker.type"),
        (("type",), "FeatureScorer", "$.ranker.type"),
        (("type",), 1, "$.ranker.type"),
        (("type",), GONE, "$.ranker"),
        (("scorer", "type"), GONE, "$.ranker.scorer"),
        (("scorer", "features", 0, "type"), GONE, "$.ranker.scorer.features[0]"),
        (("scorer", "function", "type"), GONE, "$.ranker.scorer.function"),
        (("scorer", "type"), "NoSuchScorer", "$.ranker.scorer.type"),
        (("scorer", "features", 0, "type"), "NoSuchFeature", "$.ranker.scorer.features[0].type"),
        (("scorer", "features", 1, "type"), "predictedRating", "$.ranker.scorer.features[1].type"),
        (("scorer", "function", "type"), "NoSuchFunction", "$.ranker.scorer.function.type"),
        (("diversity",), {}, "$.ranker"),
        (("scorer", "weight"), 1, "$.ranker.scorer"),
        (("scorer", "features", 1, "days"), 10, "$.ranker.scorer.features[1]"),
        (("scorer", "function", "scale"), 1, "$.ranker.scorer.function"),
        (("scorer",), GONE, "$.ranker"),
        (("scorer", "features"), GONE, "$.ranker.scorer"),
        (("scorer", "features"), [], "$.ranker.scorer.features"),
        (("scorer", "features"), {}, "$.ranker.scorer.features"),
        (("scorer", "features", 0), "Popularity", "$.ranker.scorer.features[0]"),
        (("scorer", "features", 0, "days"), GONE, "$.ranker.scorer.features[0]"),
        (("scorer", "features", 0, "days"), 0, "$.ranker.scorer.features[0].days"),
        (("scorer", "features", 0, "days"), 3651, "$.ranker.scorer.features[0].days"),
        (("scorer", "features", 0, "days"), 1.5, "$.ranker.scorer.features[0].days"),
        (("scorer", "function", "bias"), "0", "$.ranker.scorer.function.bias"),
        (("scorer", "function", "bias"), None, "$.ranker.scorer.function.bias"),
        (("scorer", "function", "weights"), GONE, "$.ranker.scorer.function"),
        (("scorer", "function", "weights"), [1.0], "$.ranker.scorer.function.weights"),
        (("scorer", "function", "weights", "popularity"), "1", "$.ranker.scorer.function.weights[...]"),
        (("scorer", "function", "weights", "popular"), 1.0, "$.ranker.scorer.function.weights['popular']"),
        (("scorer", "function", "weights", ""), 1.0, "$.ranker.scorer.function.weights['']"),
        (
            ("scorer", "function", "weights", "predictedRating*"),
            1.0,
            "$.ranker.scorer.function.weights['predictedRating*']",
        ),
        (("scorer", "features", 1), {"type": "Popularity", "days": 3}, "$.ranker.scorer.features[1]"),
    ],
)
def test_what_there_is_not_is_refused_with_its_path(path: tuple[str | int, ...], value: Any, where: str) -> None:
    with pytest.raises(DescriptionInvalid, match=r"^model\.json: ") as refused:
        decoded(changed(path, value))
    assert str(refused.value).endswith(f"`{where}`")


def test_a_weight_of_a_feature_that_is_not_given_says_which_there_are() -> None:
    with pytest.raises(DescriptionInvalid, match="'popularity' is no feature of this scorer; use predictedRating"):
        FeatureScorer(features=(PredictedRating(),), function=Linear(bias=0.0, weights={"popularity": 1.0}))


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
def test_what_is_no_finite_number_is_refused(number: str) -> None:
    with pytest.raises(DescriptionInvalid, match=r"^model\.json: "):
        decoded(SLIDE_28.replace("-0.5", number))


@pytest.mark.parametrize("ranker", ["null", "[]", '"ScoringRanker"', "1", "{}"])
def test_what_is_no_ranker_is_refused(ranker: str) -> None:
    with pytest.raises(DescriptionInvalid, match=r"`\$\.ranker`$"):
        decoded(ranker)


@pytest.mark.parametrize(
    ("ranker", "where"),
    [
        (b'{"type":"NoSuchRanker"}', "$.ranker.type"),
        (b'{"type":"ScoringRanker","scorer":{"type":"TreeScorer"}}', "$.ranker.scorer.type"),
        (
            b'{"type":"ScoringRanker","scorer":{"type":"FeatureScorer","features":[{"type":"Duration"}],"function":{}}}',
            "$.ranker.scorer.features[0].type",
        ),
    ],
)
def test_an_unknown_type_is_told_of_whatever_else_it_lacks(ranker: bytes, where: str) -> None:
    with pytest.raises(DescriptionInvalid) as refused:
        decode_description(b'{"ranker":%s}' % ranker)
    assert str(refused.value).endswith(f"at `{where}`")
