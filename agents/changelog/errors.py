"""What can go wrong with a changelog, and what to do about it."""

KEEP_FOLDERS = (
    "keep every data folder and checkpoint as it is: they may hold the only copy. A folder or a checkpoint that "
    "reaches up to there (`nearline state check` shows how far) can start; put it in place, with `nearline state "
    "restore` if it is a checkpoint. If there is none, a new application id begins anew with what the source topic "
    "still has, and leaves this changelog and the folders for whoever looks for the rest"
)
"""What whoever runs it should do when a changelog has lost records; nothing of it destroys what is left."""


class ChangelogLost(Exception):
    """The changelog has lost records that a database needs, or holds; starting again does not help."""


def begins_behind(topic: str, partition: int, first: int) -> str:
    """Return the words for a changelog without its beginning: compaction alone never moves it."""
    return (
        f"partition {partition} of the changelog {topic} begins at offset {first}: retention or a deletion of records "
        "took what was before (compaction does not)"
    )
