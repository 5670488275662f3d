"""The users who did something last: those on whom a new model is tried first."""

from collections import deque

_MOST = 4_000


class RecentUsers:
    """Partition and key of the users whose events were applied last; safe in several threads."""

    def __init__(self) -> None:
        self._users: deque[tuple[int, bytes]] = deque(maxlen=_MOST)

    def note(self, partition: int, key: bytes) -> None:
        """Take note of a user."""
        self._users.append((partition, key))

    def latest_first(self) -> list[tuple[int, bytes]]:
        """Return them, each once."""
        return list(dict.fromkeys(reversed(list(self._users))))
