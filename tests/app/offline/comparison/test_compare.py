import pytest

from app.errors import JobFailed
from app.offline.comparison.compare import compare_versions, sample_users
from app.offline.comparison.report import GenreShare, MovedVideo, SomeUsers
from app.offline.comparison.tables import chapters_of
from models.evaluation.list_comparison import Pair, compare
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.feedback.confidence import ConfidenceRule
from models.feedback.history import EMPTY_HISTORY
from tests.app.offline.comparison.two_versions import CATALOGUE, HISTORIES, A, B, found, ordered
from tests.support.factor_models import random_model
from tests.support.histories import liked, users


def test_a_report_by_hand() -> None:
    # A: ann a b, bob b c; B: bob b c, dan b a
    report = found()
    assert (report.versions, report.region, report.users, report.k) == (("one", "two"), "us", 4, 2)
    assert report.comparison == compare(A, B, list(HISTORIES.values()), 2)
    assert report.overlap_tenths == (2, 0, 0, 0, 0, 0, 0, 0, 0, 2)
    assert (report.lost, report.gained) == (SomeUsers(1, ("ann",)), SomeUsers(1, ("dan",)))
    assert (report.gaining, report.losing) == ((), ())
    assert report.genres == (
        GenreShare("Sci-Fi", Pair(2.5 / 4, 2.5 / 4)),
        GenreShare(None, Pair(1 / 4, 1 / 4)),
        GenreShare("Horror", Pair(0.5 / 4, 0.5 / 4)),
    )


def test_movers_have_titles() -> None:
    # a third place: A gives ann a b c, bob b c; B gives bob b c y, dan b a c
    report = found(3)
    assert report.gaining == (MovedVideo("y", "y", Pair(0, 1)),)
    assert report.losing == ()
    back = compare_versions(B, A, HISTORIES, CATALOGUE, k=3, sample=100)
    assert (back.losing, back.gaining) == ((MovedVideo("y", "y", Pair(1, 0)),), ())


def test_losers_are_ordered_by_their_loss() -> None:
    report = compare_versions(ordered("abcdz", "one"), ordered("dcbaz", "two"), {"ann": liked("z")}, {}, k=2, sample=9)
    assert [one.video_id for one in report.gaining] == ["c", "d"]
    assert [one.video_id for one in report.losing] == ["a", "b"]


def test_samples_go_from_the_most_changed_to_the_least() -> None:
    report = found()
    assert [(one.user_id, one.overlap) for one in report.samples] == [("ann", 0.0), ("dan", 0.0), ("bob", 1.0)]
    first, second = report.samples[0].lists
    assert [one.title for one in first] == ["Alien (1979)", "Brazil"]
    assert second == ()


def test_without_a_catalogue_there_are_no_genres_and_that_is_said() -> None:
    report = compare_versions(A, B, HISTORIES, {}, k=2, sample=100)
    assert report.genres is None
    (genres,) = next(chapter.tables for chapter in chapters_of(report) if chapter.name == "genres")
    assert "--catalogue" in genres.caption
    assert genres.rows == ()


def test_how_a_video_moved() -> None:
    both = ordered("abcdz", "one"), ordered("bacez", "two")
    report = compare_versions(*both, {"ann": liked("z")}, CATALOGUE, k=4, sample=9)
    (sample,) = next(chapter.tables for chapter in chapters_of(report) if chapter.name == "samples")
    assert sample.rows == (
        (1, "Alien (1979)", "Brazil", "up 1"),
        (2, "Brazil", "Alien (1979)", "down 1"),
        (3, "Clue", "Clue", "same"),
        (4, "d", "e", "new"),
    )


def test_the_same_version_twice_changes_nothing() -> None:
    histories = {f"u{number}": history for number, history in enumerate(users(3, 30))}
    report = compare_versions(random_model(3), random_model(3), histories, {}, k=5, sample=100)
    assert (report.comparison.overlap, report.comparison.score_drift) == (1.0, 0.0)
    assert report.overlap_tenths == (0,) * 9 + (30,)
    assert (report.gaining, report.losing, report.lost.count, report.gained.count) == ((), (), 0, 0)
    assert report.reliability[0] == report.reliability[1]
    assert len(report.reliability[0]) > 1


def test_a_sample_is_the_same_for_the_same_seed_in_any_order() -> None:
    histories = {f"u{number}": EMPTY_HISTORY for number in range(100)}
    chosen = sample_users(histories, 10, 7)
    assert len(chosen) == 10
    assert sample_users(dict(reversed(histories.items())), 10, 7) == chosen
    assert sample_users(histories, 10, 8) != chosen
    assert sample_users(histories, 1000, 7).keys() == histories.keys()


def test_nobody_cannot_be_compared() -> None:
    with pytest.raises(JobFailed, match="no user of this region"):
        sample_users({}, 10, 0)


def test_a_description_of_its_own_counts() -> None:
    """Versions may turn the same history into different confidences, as when a rule is changed."""
    deaf = FactorModel.build(
        region="us",
        version="deaf",
        video_ids=A.video_ids,
        factors=A.factors,
        popularity=A.popularity,
        description=ModelDescription(confidence=ConfidenceRule(like_weight=0.0)),
    )
    report = compare_versions(A, deaf, {"ann": liked("z")}, {}, k=2, sample=9)
    assert report.lost == SomeUsers(1, ("ann",))
