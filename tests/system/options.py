"""What a person may choose for a run, by environment; the names do not begin as a worker's settings do."""

import os
import random
from pathlib import Path

_SEED, _RECORDS, _SOAK_MINUTES = "SYSTEM_TEST_SEED", "SYSTEM_TEST_RECORDS", "SYSTEM_TEST_SOAK_MINUTES"


def chosen_seed() -> int:
    """Return the seed of all chances of a test: the given one, which repeats a run's choices, else a new one."""
    given = os.environ.get(_SEED)
    return random.randrange(1 << 30) if given is None else int(given)


def records_file() -> Path | None:
    """Return the file to which records are appended, None for a temporary one."""
    given = os.environ.get(_RECORDS)
    return Path(given).resolve() if given else None


def soak_seconds() -> float:
    """Return how long the soak runs; a quarter of an hour by default."""
    return 60.0 * float(os.environ.get(_SOAK_MINUTES, "15"))
