"""What tests of swaps ask workers for."""

from typing import Any

from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for


async def regions(worker: WorkerProcess) -> dict[str, Any]:
    """Return what a worker says of its models, by region."""
    status, body = await worker.get("/v1/models")
    assert status == 200, body
    return {region["region"]: region for region in body["regions"]}


async def serves(worker: WorkerProcess, version: str, region: str = "global", seconds: float = 30.0) -> None:
    """Wait until a worker serves a version, and has re-solved everybody whom it serves."""

    async def does() -> bool:
        status, body = await worker.get("/v1/models")  # nobody listens while it starts
        found = [one for one in body["regions"] if one["region"] == region] if status == 200 else []
        return any(one["active"] == version and one["rescored"] and one["rescored"]["done"] for one in found)

    try:
        await wait_for(f"{version} on worker {worker.id}", does, seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{await worker.get('/v1/models')}\n{worker.log_tail()}") from None
