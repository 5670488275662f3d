"""Verdicts hold as long as every span of availability that they were made of, and no longer."""

from datetime import UTC, datetime, timedelta

from agents.catalogue import CatalogueEntry
from app.query.lists.context_filter import ContextFilter
from app.query.lists.context_verdicts import ContextVerdicts
from app.query.lists.paging import SHOWN, UNDECIDED
from app.query.schema.requests import RecommendationQuery
from tests.app.query.world import NOW

_START = datetime.fromtimestamp(NOW, UTC)


def _after(seconds: int) -> datetime:
    return _START + timedelta(seconds=seconds)


def _decided(verdicts: ContextVerdicts, now: datetime) -> None:
    """Decide about both videos at a time."""
    entries = {
        "v0": CatalogueEntry(title="Ends first", available_until=_after(10)),
        "v1": CatalogueEntry(title="Ends later", available_until=_after(20)),
    }
    made = ContextFilter.of(entries.get, RecommendationQuery(), None, now.timestamp())
    for row in (0, 1):
        verdicts.decide(row, made)


def test_the_span_that_ends_first_counts_however_many_there_are() -> None:
    verdicts = ContextVerdicts(("v0", "v1"), _START)
    _decided(verdicts, _START)
    assert list(verdicts.at(_after(9)).marks) == [SHOWN, SHOWN]
    assert list(verdicts.at(_after(10)).marks) == [UNDECIDED, UNDECIDED]


def test_what_was_decided_at_a_time_does_not_hold_before_it() -> None:
    verdicts = ContextVerdicts(("v0", "v1"), _START)
    _decided(verdicts, _START)
    _decided(verdicts.at(_after(25)), _after(25))
    assert list(verdicts.at(_after(15)).marks) == [UNDECIDED, UNDECIDED], "the clock was set back"
