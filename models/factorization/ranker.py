"""The ranker as ``model.json`` describes it, in the talk's format (slide 28): what there is to be asked for.

::

    {"type": "ScoringRanker", "scorer": {"type": "FeatureScorer",
      "features": [{"type": "Popularity", "days": 10}, {"type": "PredictedRating"}],
      "function": {"type": "Linear", "bias": -0.5,
        "weights": {"popularity": 0.2, "predictedRating": 1.2, "predictedRating*popularity": 3.5}}}}

A type, a field or a name that is not declared here is refused, so that no model is served as if it had not asked.
"""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from models.errors import DescriptionInvalid

_WEIGHTS = "$.ranker.scorer.function.weights"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag=True):
    """Any part of a ranker: ``type`` is the name of its class."""


class Popularity(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag=True):
    """How often a video was played or liked in the last `days` days, 1 to 3650."""

    days: Annotated[int, Meta(ge=1, le=3650)]


class PredictedRating(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag=True):
    """The model's score."""


Feature: TypeAlias = Popularity | PredictedRating


class Linear(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag=True):
    """A weighted sum.

    Parameters
    ----------
    bias : float
        What is added for every video.
    weights : mapping of str to float
        By the name of a feature, or the names of several with ``*`` between them, which stand for their product.
    """

    bias: float
    weights: dict[str, float]


class FeatureScorer(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag=True):
    """A score from features.

    Parameters
    ----------
    features : tuple of features
        At least one, each type once.
    function : Linear
        What is made of them.

    Raises
    ------
    DescriptionInvalid
        If a feature is given twice, or a weight is for something that is none.
    """

    features: Annotated[tuple[Feature, ...], Meta(min_length=1)]
    function: Linear

    def __post_init__(self) -> None:
        names: set[str] = set()
        for number, feature in enumerate(self.features):
            name = feature_name(type(feature))
            if name in names:
                raise DescriptionInvalid(f"the feature {name} is given twice - at `$.ranker.scorer.features[{number}]`")
            names.add(name)
        _check_weights(self.function.weights, names)


class ScoringRanker(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag=True):
    """Orders videos by a score, the largest first."""

    scorer: FeatureScorer


def feature_name(kind: type[Feature]) -> str:
    """Return the name that weights have for a feature, such as ``predictedRating`` for `PredictedRating`."""
    return kind.__name__[0].lower() + kind.__name__[1:]


def _check_weights(weights: Mapping[str, float], names: set[str]) -> None:
    for key in weights:
        unknown = [name for name in key.split("*") if name not in names]
        if unknown:
            known, where = ", ".join(sorted(names)), f"{_WEIGHTS}[{key!r}]"
            raise DescriptionInvalid(f"{unknown[0]!r} is no feature of this scorer; use {known} - at `{where}`")


PREDICTED_RATING = ScoringRanker(
    scorer=FeatureScorer(features=(PredictedRating(),), function=Linear(bias=0.0, weights={"predictedRating": 1.0}))
)
"""The ranker that orders by the model's score alone."""
