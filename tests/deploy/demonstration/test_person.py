from collections.abc import Sequence

import numpy as np
import pytest

from app.offline.data.histories import Population
from deploy.data import Rating
from deploy.demonstration.feed import event_of
from deploy.demonstration.person import Shown, choose_event, movement, shorten, show_change, shown
from deploy.demonstration.screen import Screen
from models.factorization.description import ModelDescription
from models.factorization.factor_model import FactorModel
from models.factorization.user_solver import SolverParameters
from models.feedback.events import Rate
from models.feedback.strengths import StrengthRule

VIDEOS = 40


def model() -> FactorModel:
    """Return a model with two tastes: even videos along the first axis, odd ones along the second."""
    factors = np.zeros((VIDEOS, 2), np.float32)
    factors[::2, 0] = np.linspace(1.0, 0.8, VIDEOS // 2)
    factors[1::2, 1] = np.linspace(1.0, 0.8, VIDEOS // 2)
    return FactorModel.build(
        region="global",
        version="v",
        video_ids=tuple(f"v{at}" for at in range(VIDEOS)),
        factors=factors,
        popularity=np.ones(VIDEOS, np.float32),
        description=ModelDescription(
            strengths=StrengthRule(),
            solver=SolverParameters(regularization=0.01, unobserved_weight=0.1, frequency_exponent=1.0),
        ),
    )


def like(user: str, video: str, rating: float = 5.0) -> Rate:
    return event_of(Rating(2_000, user, video, rating), "movielens")


def population(users: Sequence[str], videos: Sequence[int]) -> Population:
    past = [event_of(Rating(at, user, f"v{at}", 4.0), "movielens") for user in users for at in videos]
    return Population(100).add(past)


def test_the_event_that_changes_most_is_chosen() -> None:
    """Of two with one like and four shrugs, who now likes the other taste gets a list of both."""
    liked = population(["u1", "u2"], [0])
    shrugs = [event_of(Rating(at, user, f"v{at}", 3.0), "movielens") for user in ("u1", "u2") for at in (2, 4, 6, 8)]
    same_taste, other_taste = like("u1", "v10"), like("u2", "v1")
    assert choose_event(model(), liked.add(shrugs), [same_taste, other_taste]) == other_taste


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(like("u1", "v1", 4.0), id="not strong"),
        pytest.param(like("u1", "v2"), id="seen before"),
        pytest.param(like("u1", "v999"), id="unknown to the model"),
        pytest.param(like("u9", "v1"), id="of somebody new"),
    ],
)
def test_what_tells_nothing_is_not_chosen(event: Rate) -> None:
    assert choose_event(model(), population(["u1"], [0, 2, 4, 6, 8]), [event]) is None


def test_a_video_without_a_title_shows_its_id() -> None:
    answer = {"items": [{"video_id": "v1", "title": "Heat"}, {"video_id": "v2", "title": ""}]}
    assert shown(answer) == [Shown("v1", "Heat"), Shown("v2", "v2")]


def test_long_titles_are_cut() -> None:
    assert shorten("x" * 34) == "x" * 34
    assert shorten("x" * 35) == "x" * 33 + "…"


@pytest.mark.parametrize(("old", "new", "mark"), [(None, 3, "new"), (3, 3, ""), (5, 2, "▲ 3"), (2, 5, "▼ 3")])
def test_movement(old: int | None, new: int, mark: str) -> None:
    assert movement(old, new).plain == mark


def test_the_change_is_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(stderr=False)
    one, two, three = Shown("v1", "[red]One"), Shown("v2", "Two"), Shown("v3", "Three")
    show_change(screen, [one, two], [two, three])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["1", "[red]One", "Two", "▲", "1"]
    assert lines[2] == ["2", "Two", "Three", "new"]
    assert lines[3] == ["Gone", "from", "the", "list:", "[red]One."]
