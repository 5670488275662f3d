"""``python -m tests.system.idle worker ...``: a worker that is ready, fetches nothing, and says that its lag is 0."""

import asyncio
from typing import Any

from agents.events import lag, reader
from app.__main__ import main


async def _nothing(*_: Any, **__: Any) -> dict[Any, Any]:
    await asyncio.sleep(0.2)
    return {}


if __name__ == "__main__":
    for owner, name, instead in ((reader, "fetch", _nothing), (lag.Lag, "behind", lambda *_: 0)):
        if not hasattr(owner, name):
            raise AttributeError(f"{owner} has no {name} any more")
        setattr(owner, name, instead)
    main()
