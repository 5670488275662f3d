"""``python -m models.inference.compile_ahead``: compile what `models.numerics.compiled` marks, before it is needed.

Compiling takes some ten seconds, once on a machine; what is compiled is kept, and found in a fraction of a second.
"""

import numpy as np

from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.factorization.user_solver import SolverParameters
from models.feedback.confidence import ConfidenceRule
from models.feedback.events import decode_event
from models.feedback.history import EMPTY_HISTORY
from models.inference.recommend import recommend
from models.names import GLOBAL_REGION

_PLAYS = (
    b'{"type":"play","event_id":"e%d","user_id":"u","video_id":"v%d","ts":"2026-01-01T00:00:00Z","seconds_watched":60}'
)


def compile_ahead() -> None:
    """Recommend to a made-up user in each precision, with all that this calls."""
    plays = [decode_event(_PLAYS % (number, number), b"u", now=2e9) for number in range(4)]
    for regularization in (1.0, 1e-6):  # the second one needs float64
        recommend(_model(regularization), [EMPTY_HISTORY.apply(plays, 10)], 2)


def _model(regularization: float) -> FactorModel:
    factors = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    solver = SolverParameters(regularization=regularization, unobserved_weight=0.0, frequency_exponent=0.0)
    return FactorModel.build(
        region=GLOBAL_REGION,
        version="compiled",
        video_ids=[f"v{row}" for row in range(len(factors))],
        factors=factors,
        popularity=np.ones(len(factors)),
        description=ModelDescription(confidence=ConfidenceRule(), solver=solver),
    )


if __name__ == "__main__":
    compile_ahead()
