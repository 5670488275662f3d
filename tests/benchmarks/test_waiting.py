"""A wait that ends in vain says for what it was, and how far it came; other errors stay what they are."""

import asyncio

import pytest

from tests.benchmarks.waiting import BenchmarkFailed, deadline


async def test_a_wait_in_vain_says_how_far_it_came() -> None:
    async def wait() -> None:
        count = 0
        async with deadline(0.01, "9 events to be applied", lambda: f"{count} are"):
            count = 7
            await asyncio.Event().wait()

    with pytest.raises(BenchmarkFailed, match=r"^waited 0.01 s for 9 events to be applied: 7 are$"):
        await wait()


async def test_what_comes_in_time_passes() -> None:
    async with deadline(60.0, "nothing", lambda: pytest.fail("nobody asks")):
        await asyncio.sleep(0)


async def test_an_error_of_the_block_stays_what_it_is() -> None:
    for error in (TimeoutError("of a socket"), OSError("torn")):
        with pytest.raises(type(error), match=str(error)):
            async with deadline(60.0, "nothing", lambda: "asked"):
                raise error
