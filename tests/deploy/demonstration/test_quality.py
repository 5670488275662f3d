import pytest

from deploy.demonstration.quality import NAMES, meaning, ratio, show_table
from deploy.demonstration.terminal import Terminal
from models.evaluation.prequential import RANKINGS


def recall(popular: float, recent: float, frozen: float, nearline: float) -> dict[str, float]:
    return {"popular": popular, "popular_10_days": recent, "frozen": frozen, "nearline": nearline}


def test_every_ranking_has_a_name() -> None:
    assert tuple(NAMES) == tuple(RANKINGS)


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (recall(0.12, 0.10, 0.12, 0.18), ["1.50 times", "more than any popular list"]),
        (recall(0.15, 0.36, 0.15, 0.18), ["1.20 times", "2.00 times", "Popularity(days=10)"]),
        (recall(0.30, 0.10, 0.20, 0.20), ["1.00 times", "does not beat"]),
    ],
)
def test_the_sentence_says_what_the_figures_say(figures: dict[str, float], said: list[str]) -> None:
    assert [part for part in said if part not in meaning(figures)] == []


def test_a_ratio_to_nothing_is_no_error() -> None:
    assert ratio(0.1, 0.0) == "infinitely many times"


def test_the_table_has_all_figures(capsys: pytest.CaptureFixture[str]) -> None:
    figures = recall(0.1, 0.2, 0.3, 0.4)
    show_table(Terminal(stderr=False), {"recall_at_20": figures, "ndcg_at_20": figures, "questions": 1234})
    written = capsys.readouterr().out
    assert [row.split()[-2:] for row in written.splitlines()[1:5]] == [[f"0.{at}000"] * 2 for at in range(1, 5)]
    assert "1,234 questions" in written
