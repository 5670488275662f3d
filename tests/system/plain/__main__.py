"""``python -m tests.system.plain``: plain Faust losing and doubling events where Nearline does neither, side by side.

On a broker of its own, with both workers as processes of their own, each under the same two faults. The exit status is
0 only if Nearline did nothing wrong and plain Faust did.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from deploy.kafka import Broker
from deploy.kafka.ports import free_ports
from tests.support.cluster.kafka_proxy import KafkaProxy
from tests.system.plain.nearline import Nearline
from tests.system.plain.plain_faust import PlainFaust
from tests.system.plain.report import NEARLINE, PLAIN, Outcome, as_json, objections, table
from tests.system.plain.scenarios import LATE_SECONDS, restarts_under_load, slow_broker_and_kill
from tests.system.plain.system import System, Tally

_SLOW = f"produce {LATE_SECONDS:g} s late, kill -9"
_RESTARTS = "clean restarts under load"
Made = TypeVar("Made", bound=System)


async def demonstrate(broker: Broker, proxy: KafkaProxy, folder: Path, *, quick: bool, seed: int) -> Outcome:
    """Run both systems through both faults; two to three minutes, for the second ends when plain Faust fails it."""
    bootstrap, most = broker.address, 6 if quick else 15

    async def slow(system: System) -> Tally:
        return await slow_broker_and_kill(system, bootstrap, proxy)

    async def until_wrong(system: PlainFaust) -> Tally:
        return await restarts_under_load(system, bootstrap, most, seed, system.went_wrong)

    slow_plain = await _run(PlainFaust(bootstrap, "slow-plain", folder), slow, f"{PLAIN}: {_SLOW}")
    slow_ours = await _run(Nearline(bootstrap, "slow-nearline", folder), slow, f"{NEARLINE}: {_SLOW}")
    plain = await _run(PlainFaust(bootstrap, "restarts-plain", folder), until_wrong, f"{PLAIN}: {_RESTARTS}")

    async def as_often(system: Nearline) -> Tally:
        return await restarts_under_load(system, bootstrap, max(1, plain.starts - 1), seed)

    ours = await _run(Nearline(bootstrap, "restarts-nearline", folder), as_often, f"{NEARLINE}: {_RESTARTS}")
    return {_SLOW: {PLAIN: slow_plain, NEARLINE: slow_ours}, _RESTARTS: {PLAIN: plain, NEARLINE: ours}}


async def _run(system: Made, scenario: Callable[[Made], Awaitable[Tally]], what: str) -> Tally:
    sys.stderr.write(f"{what} ...\n")
    try:
        return await scenario(system)
    finally:
        await asyncio.to_thread(system.end)


async def _main(*, quick: bool, seed: int) -> Outcome:
    (port,) = free_ports(1)
    with Broker(proxies=(port,)) as broker, tempfile.TemporaryDirectory(prefix="nearline-plain-") as folder:
        async with KafkaProxy(port, broker.behind(port)) as proxy:
            return await demonstrate(broker, proxy, Path(folder), quick=quick, seed=seed)


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration, print what came of it, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.plain", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="at most six restarts, not fifteen")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="when restarts come; printed")
    options = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics have no leader for a moment
    sys.stderr.write(f"seed {options.seed}\n")
    outcome = asyncio.run(_main(quick=options.quick, seed=options.seed))
    sys.stdout.write(f"{table(outcome)}\n")
    found = list(objections(outcome))
    for objection in found:
        sys.stderr.write(f"error: {objection}\n")
    if options.json:
        sys.stdout.write(f"{as_json(outcome)}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
