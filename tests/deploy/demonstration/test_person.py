import pytest

from deploy.data import Rating
from deploy.demonstration.feed import event_of
from deploy.demonstration.person import Shown, choose_event, movement, shorten, show_change, shown
from deploy.demonstration.terminal import Terminal
from models.feedback.events import Rate
from tests.deploy.demonstration.people import like, model, population


def test_the_event_that_changes_most_is_chosen() -> None:
    """Two people have one like and four shrugs; who now likes the other taste gets a list of both."""
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
    terminal = Terminal(stderr=False)
    one, two, three = Shown("v1", "[red]One"), Shown("v2", "Two"), Shown("v3", "Three")
    show_change(terminal, [one, two], [two, three])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["1", "[red]One", "Two", "▲", "1"]
    assert lines[2] == ["2", "Two", "Three", "new"]
    assert lines[3] == ["Gone", "from", "the", "list:", "[red]One."]
