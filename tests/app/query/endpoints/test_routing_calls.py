"""Who holds what, over HTTP."""

from tests.app.query.servers import Client, answer, user_in
from tests.app.query.world import PARTITIONS, World


async def test_routing_of_a_user_and_of_all_partitions(client: Client, world: World) -> None:
    world.hold(0)
    user_id = user_in(3)
    routing = await answer(await client.get(f"/v1/routing/users/{user_id}"))
    assert routing == {"user_id": user_id, "partition": 3, "owner": None, "here": False}
    told = await answer(await client.get("/v1/routing/partitions"))
    partitions = told["partitions"]
    assert [part["here"] for part in partitions] == [True] + [False] * (PARTITIONS - 1)
    assert partitions[0]["owner"] == "http://worker-0"
    assert told["unserved"] == [part["partition"] for part in partitions if part["owner"] is None]
    assert 3 in told["unserved"]
    assert 0 not in told["unserved"]
