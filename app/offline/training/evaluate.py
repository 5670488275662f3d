"""Evaluating a model by what came after it, in numbers that a script can read."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from app.offline.data.histories import Population
from models.evaluation.prequential import evaluate_prequentially
from models.factorization.factor_model import FactorModel
from models.feedback.events import Event

K: Final = 20


def evaluate(
    model: FactorModel, before: Population, later: Iterable[Event], progress: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Evaluate prequentially; see `models.evaluation.prequential`.

    Parameters
    ----------
    model
        Learned from `before`.
    before
        The users and the popularity at the cut; its popularity counts the later events afterwards.
    later
        The events after the cut, in the order of their time.
    progress
        Called after each event with the number of events so far.

    Returns
    -------
    dict
        ``{"recall_at_20": {ranking: value}, "ndcg_at_20": {ranking: value}, "questions": number}``, the values 0 to 1
        by each of `models.evaluation.prequential.RANKINGS`, None if there was no question.
    """
    answers = evaluate_prequentially(model, before.histories, before.popularity, later, before.history_limit, progress)
    if not answers.questions:
        return {"recall_at_20": None, "ndcg_at_20": None, "questions": 0}
    return {
        "recall_at_20": answers.recall(K),
        "ndcg_at_20": answers.ndcg(K),
        "questions": answers.questions,
    }
