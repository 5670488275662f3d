"""What waits behind open transactions: how much, and for how long the last stable offset has not moved."""

from agents.events.open_transactions import OpenTransaction, OpenTransactions


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def longest(open_ones: OpenTransactions) -> OpenTransaction | None:
    """The one that has been open for longest."""
    return open_ones.longest


def test_the_time_counts_from_where_the_last_stable_offset_stopped() -> None:
    clock = Clock()
    open_ones = OpenTransactions(clock)
    open_ones.look({0: (10, 10), 1: (5, 5)})
    assert open_ones.records == 0
    assert longest(open_ones) is None
    open_ones.look({0: (10, 12), 1: (5, 5)})
    clock.now += 30
    open_ones.look({0: (10, 62), 1: (5, 8)})  # more is sent behind the one, and another one begins
    assert open_ones.records == 55
    assert longest(open_ones) == OpenTransaction(0, 52, 30.0)
    clock.now += 7
    assert longest(open_ones) == OpenTransaction(0, 52, 37.0), "time goes on between two looks"


def test_a_producer_whose_transactions_end_holds_nothing_up() -> None:
    clock = Clock()
    open_ones = OpenTransactions(clock)
    for number in range(100):  # always one is open, and never the same
        open_ones.look({0: (10 * number, 10 * number + 5)})
        clock.now += 1
    assert longest(open_ones) == OpenTransaction(0, 5, 1.0)


def test_what_ended_or_was_given_away_is_forgotten() -> None:
    clock = Clock()
    open_ones = OpenTransactions(clock)
    open_ones.look({0: (1, 9), 1: (1, 3)})
    clock.now += 50
    open_ones.look({1: (1, 3)})
    assert longest(open_ones) == OpenTransaction(1, 2, 50.0)
    open_ones.look({1: (4, 4)})
    assert open_ones.records == 0
    assert longest(open_ones) is None
    open_ones.look({0: (1, 9)})
    assert longest(open_ones) == OpenTransaction(0, 8, 0.0)
