import pytest

from deploy.data import NAMES, CatalogueEntry, Dataset, Rating, load_ratings
from deploy.data.loading import parse_title


@pytest.fixture(scope="module", params=NAMES)
def dataset(request: pytest.FixtureRequest) -> Dataset:
    return load_ratings(request.param)


# Counts: of the sets' own README (MovieLens), and of `zcat ... | wc -l` and `cut | sort -u | wc -l`.
COUNTS = {"movielens": (100_836, 610, 9_724, 9_742), "movietweetings": (141_695, 21_081, 12_611, 12_611)}
FIRST = {
    "movielens": Rating(828_124_615, "u429", "v150", 5.0),
    "movietweetings": Rating(1_362_062_307, "u12439", "v2171847", 3.0),
}
LAST_TS = {"movielens": 1_537_799_250, "movietweetings": 1_383_696_025}


def test_everything_is_there(dataset: Dataset) -> None:
    users = {rating.user_id for rating in dataset.ratings}
    videos = {rating.video_id for rating in dataset.ratings}
    assert (len(dataset.ratings), len(users), len(videos), len(dataset.catalogue)) == COUNTS[dataset.name]
    assert videos <= {entry.video_id for entry in dataset.catalogue}
    assert len({entry.video_id for entry in dataset.catalogue}) == len(dataset.catalogue)


def test_ratings_are_in_time_order(dataset: Dataset) -> None:
    keys = [(rating.ts, rating.user_id, rating.video_id) for rating in dataset.ratings]
    assert keys == sorted(set(keys))
    assert dataset.ratings[0] == FIRST[dataset.name]
    assert dataset.ratings[-1].ts == LAST_TS[dataset.name]


def test_ratings_are_half_stars_within_the_contract(dataset: Dataset) -> None:
    assert {rating.rating for rating in dataset.ratings} == {half / 2 for half in range(1, 11)}


def test_ids_and_titles_fit_the_contract(dataset: Dataset) -> None:
    for entry in dataset.catalogue:
        assert 1 <= len(entry.video_id) <= 64
        assert entry.title.strip() == entry.title != ""
        assert entry.year is None or 1880 <= entry.year <= 2030


def test_half_stars_from_ten() -> None:
    tweets = load_ratings("movietweetings").ratings
    # 17 ratings of 0 and 1,758 of 1 in the file: both are half a star here; 17,391 of 10 are five.
    assert sum(rating.rating == 0.5 for rating in tweets) == 17 + 1_758
    assert sum(rating.rating == 5.0 for rating in tweets) == 17_391
    assert Rating(1_381_945_744, "u1", "v0054890", 4.5) in tweets  # the file's first line, 9 of 10


def test_catalogue_entries() -> None:
    movielens = {entry.video_id: entry for entry in load_ratings("movielens").catalogue}
    assert movielens["v1"] == CatalogueEntry(
        "v1", "Toy Story", 1995, ("Adventure", "Animation", "Children", "Comedy", "Fantasy")
    )
    assert movielens["v40697"] == CatalogueEntry("v40697", "Babylon 5", None, ("Sci-Fi",))
    assert movielens["v143410"].genres == ()


@pytest.mark.parametrize(
    ("text", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("Assembly (Ji jie hao) (2007) ", "Assembly (Ji jie hao)", 2007),
        ("Death Note: Desu nôto (2006\u20132007)", "Death Note: Desu nôto", 2006),
        ("Eden (2009- )", "Eden", 2009),
        ("2012 (2009)", "2012", 2009),
        ("The OA", "The OA", None),
        ("(1995)", "(1995)", None),
    ],
)
def test_titles(text: str, title: str, year: int | None) -> None:
    assert parse_title(text) == (title, year)


def test_a_split_loses_nothing(dataset: Dataset) -> None:
    early, late = dataset.split(0.8)
    assert early + late == dataset.ratings
    assert len(early) == int(0.8 * len(dataset.ratings))
    assert early[-1].ts <= late[0].ts


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="take one of movielens, movietweetings"):
        load_ratings("netflix")
    with pytest.raises(ValueError, match=r"is 1\.5: give 0 to 1"):
        Dataset("", (), ()).split(1.5)
