"""What tests ask workers for."""

from typing import Any

from tests.support.cluster.worker_process import WorkerProcess


async def listed(worker: WorkerProcess, user: str, query: str = "limit=20") -> dict[str, Any]:
    """Return a user's recommendations."""
    status, answer = await worker.get(f"/v1/users/{user}/recommendations?{query}")
    assert status == 200, answer
    assert isinstance(answer, dict)
    return answer


async def region_of(worker: WorkerProcess) -> dict[str, Any]:
    """Return what a worker says of the region's models."""
    status, answer = await worker.get("/v1/models")
    assert status == 200
    (region,) = answer["regions"]
    assert isinstance(region, dict)
    return region
