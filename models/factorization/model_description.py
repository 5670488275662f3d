"""``model.json``: what a model says about itself, so that whoever loads it uses it as it was meant.

The description holds the input transformation (events to confidences), the constants of the user solver, and the
ranker.
"""

from typing import Any

import msgspec

from models.errors import DescriptionInvalid
from models.factorization.ranker import PREDICTED_RATING, ScoringRanker
from models.factorization.user_solver import SolverParameters
from models.feedback.confidence import ConfidenceRule
from models.json_nesting import shallow

MAX_DESCRIPTION_BYTES = 1 << 20
"""A ranker of a thousand features is a tenth of it."""


class ModelDescription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a model that is not an array.

    Parameters
    ----------
    confidence : ConfidenceRule
        The input transformation; ``strengths`` in the file, as the first versions have it.
    solver : SolverParameters
        Constants of the objective that the factors were learned under.
    ranker : ScoringRanker
        What orders the videos; by default the score alone.
    """

    confidence: ConfidenceRule = msgspec.field(default=ConfidenceRule(), name="strengths")
    solver: SolverParameters = SolverParameters()
    ranker: ScoringRanker = PREDICTED_RATING


class _TypedPart(msgspec.Struct):
    type: str


class _TypedScorer(_TypedPart):
    function: _TypedPart


class _TypedRanker(_TypedPart):
    scorer: _TypedScorer


class _Typed(msgspec.Struct):
    """The types that a description must name: msgspec takes a missing one for the only one that there is today."""

    ranker: _TypedRanker | msgspec.UnsetType = msgspec.UNSET


class _Written(msgspec.Struct):
    """The description as it is written: the ranker's fields in alphabetical order, as the first versions have them."""

    confidence: ConfidenceRule = msgspec.field(name="strengths")
    solver: SolverParameters
    ranker: dict[str, Any]


_DESCRIPTION, _TYPED = msgspec.json.Decoder(ModelDescription), msgspec.json.Decoder(_Typed)


def encode_description(description: ModelDescription) -> bytes:
    """Return the description as indented JSON, UTF-8; equal descriptions give equal bytes."""
    written = _Written(description.confidence, description.solver, msgspec.to_builtins(description.ranker))
    return msgspec.json.format(msgspec.json.encode(written, order="deterministic"), indent=2) + b"\n"


def decode_description(data: bytes) -> ModelDescription:
    """Read what `encode_description` wrote.

    Raises
    ------
    DescriptionInvalid
        No JSON, more than 1 MiB, an unknown type, field or name, a wrong type of value, or a value out of range; the
        message ends with the JSON path of it, such as ``$.ranker.scorer.features[1].type``.
    """
    if len(data) > MAX_DESCRIPTION_BYTES:
        raise DescriptionInvalid(f"model.json: {len(data)} bytes are more than the {MAX_DESCRIPTION_BYTES} allowed")
    try:
        description = _DESCRIPTION.decode(shallow(data))
        _TYPED.decode(data)  # behind it, for an unknown type is the better thing to be told of
        return description
    except (msgspec.DecodeError, UnicodeDecodeError, DescriptionInvalid) as error:
        raise DescriptionInvalid(f"model.json: {error}") from error
