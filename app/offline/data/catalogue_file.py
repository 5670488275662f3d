"""The catalogue in a file: JSON lines, each an entry as in the topic ``catalogue`` with its ``video_id`` beside it."""

from collections.abc import Iterable

import msgspec

from agents.catalogue import CatalogueEntry
from app.errors import JobFailed
from models.json_nesting import shallow
from models.names import ID_RULE, is_identifier


class _Named(msgspec.Struct):
    video_id: str


_NAMED = msgspec.json.Decoder(_Named)
_ENTRY = msgspec.json.Decoder(CatalogueEntry)


def decode_catalogue(lines: Iterable[bytes]) -> dict[str, CatalogueEntry]:
    """Return the entries by video id; of several for one video the last counts, as in the topic.

    Parameters
    ----------
    lines
        Such as ``{"video_id": "v1", "title": "Toy Story", "year": 1995, "genres": ["Comedy"]}``.

    Raises
    ------
    JobFailed
        A line is no entry; the message names it by its number among those that are not empty, from 1.
    """
    entries: dict[str, CatalogueEntry] = {}
    for number, line in enumerate(lines, start=1):
        try:
            video_id = _NAMED.decode(shallow(line)).video_id
            entry = _ENTRY.decode(line)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise JobFailed(f"line {number} of the catalogue is no entry: {error}") from error
        if not is_identifier(video_id):
            raise JobFailed(f"line {number} of the catalogue: {video_id!r} is not a video id: {ID_RULE}")
        entries[video_id] = entry
    return entries


def title_of(video_id: str, entry: CatalogueEntry | None) -> str:
    """Return what people call a video: its title, with the year where it is known, or else its id.

    Examples
    --------
    >>> title_of("v1", CatalogueEntry(title="Toy Story", year=1995)), title_of("v2", None)
    ('Toy Story (1995)', 'v2')
    """
    if entry is None:
        return video_id
    return entry.title if entry.year is None else f"{entry.title} ({entry.year})"
