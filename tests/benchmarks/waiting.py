"""Waiting with an end: each wait of a measurement says what it waited for, and how far that came."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class BenchmarkFailed(Exception):
    """Something that a measurement needs did not happen in time, or is not as it must be."""


@asynccontextmanager
async def deadline(seconds: float, what: str, so_far: Callable[[], object]) -> AsyncIterator[None]:
    """Let the block wait for `what` so long; `so_far` is asked at the end of the time how far it came.

    Raises
    ------
    BenchmarkFailed
        The block did not end in time, and was cancelled.
    """
    try:
        async with asyncio.timeout(seconds) as timeout:
            yield
    except TimeoutError as error:
        if not timeout.expired():  # one of the block's own
            raise
        raise BenchmarkFailed(f"waited {seconds:g} s for {what}: {so_far()}") from error
