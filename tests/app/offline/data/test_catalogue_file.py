import msgspec
import pytest

from agents.catalogue import CatalogueEntry
from app.errors import JobFailed
from app.offline.data.catalogue_file import decode_catalogue, title_of
from deploy.data import load_ratings

TOY_STORY = b'{"video_id": "v1", "title": "Toy Story", "year": 1995, "genres": ["Comedy"], "more": 1}'


def test_an_entry_is_that_of_the_topic_and_the_last_counts() -> None:
    lines = [b'{"video_id": "v1", "title": "Old"}', TOY_STORY, b'{"video_id": "v2", "title": "Two"}']
    assert decode_catalogue(lines) == {
        "v1": CatalogueEntry(title="Toy Story", year=1995, genres=("Comedy",)),
        "v2": CatalogueEntry(title="Two"),
    }
    assert decode_catalogue([]) == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"no", "line 2 of the catalogue is no entry: "),
        (b'{"title": "One"}', "line 2 of the catalogue is no entry: .*video_id"),
        (b'{"video_id": "v1"}', "line 2 of the catalogue is no entry: .*title"),
        (b'{"video_id": "v1", "title": ""}', "line 2 of the catalogue is no entry: .*length"),
        (b'{"video_id": "", "title": "One"}', "line 2 of the catalogue: '' is not a video id"),
        (b'{"video_id": "\xff", "title": "One"}', "line 2 of the catalogue is no entry"),
        (b"[" * 100_000, "line 2 of the catalogue is no entry"),
    ],
)
def test_what_is_no_entry_is_named_by_its_line(line: bytes, words: str) -> None:
    with pytest.raises(JobFailed, match=words):
        decode_catalogue([TOY_STORY, line])


def test_titles_for_people() -> None:
    assert title_of("v1", CatalogueEntry(title="Toy Story", year=1995)) == "Toy Story (1995)"
    assert title_of("v2", CatalogueEntry(title="Babylon 5")) == "Babylon 5"
    assert title_of("v3", None) == "v3"


def test_the_catalogue_of_the_demonstration_can_be_read() -> None:
    entries = load_ratings("movielens").catalogue[:500]
    found = decode_catalogue(msgspec.json.encode(entry._asdict()) for entry in entries)
    assert [entry.genres for entry in entries] == [found[entry.video_id].genres for entry in entries]
