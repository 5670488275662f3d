"""``model.json``: what a model says about itself, so that whoever loads it uses it as it was meant.

The description holds the input transformation (events to strengths), the constants of the user solver, and the ranker.
"""

from typing import Any

import msgspec

from models.errors import DescriptionInvalid
from models.factorization.user_solver import SolverParameters
from models.feedback.strengths import StrengthRule
from models.nesting import shallow

MAX_DESCRIPTION_BYTES = 1 << 20
"""A ranker of a thousand features is a tenth of it."""


def _predicted_rating() -> dict[str, Any]:
    """Return the ranker that orders by the model's score alone, in the talk's format (slide 28)."""
    return {
        "type": "ScoringRanker",
        "scorer": {
            "type": "FeatureScorer",
            "features": [{"type": "PredictedRating"}],
            "function": {"type": "Linear", "bias": 0.0, "weights": {"predictedRating": 1.0}},
        },
    }


class ModelDescription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a model that is not an array.

    Parameters
    ----------
    strengths : StrengthRule
        The input transformation.
    solver : SolverParameters
        Constants of the objective that the factors were learned under.
    ranker : dict
        JSON description of the ranker; by default it orders by the score.
    """

    strengths: StrengthRule = StrengthRule()
    solver: SolverParameters = SolverParameters()
    ranker: dict[str, Any] = msgspec.field(default_factory=_predicted_rating)


def encode_description(description: ModelDescription) -> bytes:
    """Return the description as indented JSON, UTF-8; equal descriptions give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(description, order="deterministic"), indent=2) + b"\n"


def decode_description(data: bytes) -> ModelDescription:
    """Read what `encode_description` wrote.

    Raises
    ------
    DescriptionInvalid
        No JSON, more than 1 MiB, an unknown field, a wrong type, or a value out of range.
    """
    if len(data) > MAX_DESCRIPTION_BYTES:
        raise DescriptionInvalid(f"model.json: {len(data)} bytes are more than the {MAX_DESCRIPTION_BYTES} allowed")
    try:
        return msgspec.json.decode(shallow(data), type=ModelDescription)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DescriptionInvalid(f"model.json: {error}") from error
