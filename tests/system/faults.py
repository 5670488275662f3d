"""What each fault of the table is: the one definition of the codes that scenarios, records and the table name."""

from collections.abc import Iterable

FAULTS = {
    "F1": "a worker is killed with -9 at random moments",
    "F2": "a worker kills itself with -9 at a marked point: of a chunk's way, of recovery, takeover and handing over",
    "F3": "a worker that was killed has lost its folder, too",
    "F4": "a worker is frozen until others have its partitions, and thawed",
    "F5": "a worker is told to stop (SIGTERM) under load, and told again while it stops",
    "F6": "a worker kills itself with -9 at a stage of the swap from one model version to the next",
    "F7": "the broker is stopped or killed with -9, and started again with its data",
    "F8": "the broker is frozen, under load, for longer than sessions and requests last",
    "F9": "the leader of three brokers is killed with -9; every record has three copies",
    "no leader": "one of three brokers is killed with -9 and stays away; some partitions have their only copy there",
    "F10": "the broker is slow: it takes each produce request late, while a worker is killed",
    "F11": "a worker is cut off from the broker, or from the coordinator alone, in one direction or both",
    "F12": "workers join and leave under load",
    "F13": "workers are restarted one after the other; each comes back to its partitions as a static member",
    "F14": "a rebalance begins before another, or the recovery after it, is over",
    "F17": "a partition's database is torn: files are cut, emptied or missing",
    "F18": "a bit of a partition's database is flipped",
    "F19": "the disk takes nothing more",
    "F20": "a changelog topic is deleted and made again, so that a worker's folder is ahead of it",
    "F22": "records are no events: not UTF-8, no JSON, of wrong types, without what is required",
    "F23": "numbers are none that an event may have: NaN, infinite, out of range",
    "F25": "events are sent again, and the group's commits are set back",
    "F27": "a worker's clock is wrong",
    "F28": "one user has as many events as all others together",
    "F29": "one user's history is far longer than its bound",
    "F30": "events and rows are as large as they may be, and larger",
    "F34": "model versions are swapped while events and queries come",
    "F35": "users are asked for while their partitions move or recover",
    "F36": "any user is asked of any worker, owner or not",
    "F37": "clients hold connections to the query view and never read, or never finish asking",
    "F38": "far more events come at once than workers can apply",
    "F39": "the agent of a worker hangs, fails, or ends",
    "F40": "versions are published while no worker runs, and their topic is compacted",
    "F41": "all of it at random for a long time, while memory, files and threads of a survivor are watched",
    "3 = 1": "no fault of its own: what three workers leave behind is what one leaves",
    "late batch": "a batch that a dead worker sent reaches the broker behind its successor's",
    "retention": "the source topic drops events before they were read",
}
"""Code and meaning. Numbers of faults that the system tests do not cause are left out."""


def codes_of(fault: str) -> list[str]:
    """Return the codes of a scenario's fault, each a key of `FAULTS`.

    Raises
    ------
    ValueError
        If one has no meaning.

    Examples
    --------
    >>> codes_of("F1, F3")
    ['F1', 'F3']
    """
    codes = fault.split(", ")
    if unknown := [code for code in codes if code not in FAULTS]:
        raise ValueError(f"no fault is called {', '.join(unknown)}: say what it is in tests/system/faults.py")
    return codes


def legend(faults: Iterable[str]) -> str:
    """Return what the codes of these faults mean, a line each, in the order of `FAULTS`."""
    told = {code for fault in faults for code in codes_of(fault)}
    return "\n".join(f"- {code}: {meaning}" for code, meaning in FAULTS.items() if code in told)
