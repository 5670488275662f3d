"""The table that justifies the system: who finds what people liked next."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.text import Text

from app.offline.data.histories import Population
from app.offline.training.evaluate import evaluate
from deploy.demonstration.errors import DemonstrationFailed
from deploy.demonstration.terminal import Terminal
from models.factorization.factor_model import FactorModel
from models.feedback.events import Rate

NAMES = {
    "popular": "popular, of all time",
    "popular_10_days": "popular in the last 10 days",
    "frozen": "user factors frozen at training time",
    "nearline": "user factors solved nearline",
}


def measure(
    model: FactorModel, past: Population, later: Sequence[Rate], update: Callable[[int], None]
) -> dict[str, Any]:
    """Return what `app.offline.training.evaluate` finds; `past` counts the later events afterwards.

    Raises
    ------
    DemonstrationFailed
        If nobody liked a video that the model knows, so that there is nothing to ask.
    """
    answers = evaluate(model, past, later, update)
    if not answers["questions"]:
        raise DemonstrationFailed("no later event is a question to the rankings: take more --ratings")
    return answers


def show_table(terminal: Terminal, answers: Mapping[str, Any]) -> None:
    """Show the figures, the best in each column marked, and say what they mean."""
    columns = [answers["recall_at_20"], answers["ndcg_at_20"]]
    best = [max(column.values()) for column in columns]
    rows: list[list[Text | str]] = [
        [label, *(_cell(column[name], most) for column, most in zip(columns, best, strict=True))]
        for name, label in NAMES.items()
    ]
    terminal.table(("ranking", "Recall@20", "nDCG@20"), rows, right=(1, 2))
    terminal.line(
        f"{answers['questions']:,} questions: each later rating of 4 stars or more, before the ranking is told of it."
    )
    terminal.line(meaning(answers["recall_at_20"]))


def meaning(recall: Mapping[str, float]) -> str:
    """Return in a sentence or two what Recall@20 says, whatever it is."""
    frozen, nearline, recent = recall["frozen"], recall["nearline"], recall["popular_10_days"]
    solving = f"Solving the user after every event finds {ratio(nearline, frozen)} what frozen user factors find"
    if recent > nearline:
        return (
            f"{solving}; but what is popular these 10 days finds {ratio(recent, nearline)} what the user's factors do. "
            "Fashion beats taste here: this is why a ranker can have Popularity(days=10) beside PredictedRating."
        )
    if nearline == max(recall.values()):
        return f"{solving}, with the same video factors, and more than any popular list."
    return f"{solving}, with the same video factors; here that does not beat every other ranking."


def ratio(value: float, base: float) -> str:
    """Return how many times `base` a value is, such as ``1.53 times``."""
    return f"{value / base:.2f} times" if base else "infinitely many times"


def _cell(value: float, best: float) -> Text:
    return Text(f"{value:.4f}", style="bold green" if value == best else "")
