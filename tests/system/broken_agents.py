"""A worker whose agent of member events hangs, fails or ends after so many chunks.

    python -m tests.system.broken_agents hangs:20 worker --id 0 ...

Like the marked points of `tests.system.kill_points`, the faults are put around the product's functions here.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import agents.events.chunk_agent
from agents.events.chunk_agent import ChunkProcessor
from agents.events.chunks import Chunk, ChunkChannel


def hangs(chunks: int) -> None:
    """Wait for ever in the processing of a chunk."""

    async def never() -> None:
        await asyncio.Event().wait()

    _instead_of_a_chunk(chunks, never)


def fails(chunks: int) -> None:
    """Raise in the processing of a chunk what nobody foresaw."""

    async def fail() -> None:
        raise ZeroDivisionError("made by a test")

    _instead_of_a_chunk(chunks, fail)


def ends(chunks: int) -> None:
    """Let the agent return, as one does whose stream has ended."""
    made = agents.events.chunk_agent.make_chunk_agent

    def make_chunk_agent(channel: ChunkChannel, process: Callable[[Chunk], Awaitable[None]]) -> Any:
        agent = made(channel, process)

        async def some_chunks(stream: Any) -> None:
            async def first() -> Any:
                left = chunks
                async for chunk in stream:
                    yield chunk
                    left -= 1
                    if not left:
                        return

            await agent(first())

        return some_chunks

    agents.events.chunk_agent.make_chunk_agent = make_chunk_agent


def _instead_of_a_chunk(after: int, fault: Callable[[], Awaitable[None]]) -> None:
    process, done = ChunkProcessor.process, 0

    async def faulty(self: ChunkProcessor, chunk: Chunk) -> None:
        nonlocal done
        done += 1
        if done > after:
            await fault()
        await process(self, chunk)

    ChunkProcessor.process = faulty  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[int], None]] = {"hangs": hangs, "fails": fails, "ends": ends}

if __name__ == "__main__":
    fault, _, chunks = sys.argv.pop(1).partition(":")
    FAULTS[fault](int(chunks))
    from app.__main__ import main  # the wiring takes its functions when it is imported

    main()
