"""Waiting for processes without sleeping."""

import os
import select


def is_gone(pid: int, seconds: float = 30.0) -> bool:
    """Wait until a process of anybody's has ended; False if it has not after `seconds`."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)
