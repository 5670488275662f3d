"""Waiting for a condition, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def wait_for(what: str, condition: Callable[[], Awaitable[T | None]], seconds: float = 30.0) -> T:
    """Return the first true answer of `condition`; fails with `what` and the last answer after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {seconds} s; the last answer was {answer!r}")
        await asyncio.sleep(0.02)
