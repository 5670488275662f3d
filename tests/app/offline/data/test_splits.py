from app.offline.data.splits import split_by_time
from tests.support.tastes import two_tastes

EVENTS = list(two_tastes())


def test_the_cut_is_by_time_whatever_the_order() -> None:
    earlier, later = split_by_time(reversed(EVENTS), 0.75)
    assert [*earlier, *later] == EVENTS
    assert len(earlier) == round(0.75 * len(EVENTS))
