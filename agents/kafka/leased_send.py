"""The last gate before the socket: nothing is produced while the lease is lapsed."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.produce import ProduceRequest

from agents.liveness.lease import Lease

Send = Callable[..., Awaitable[Any]]


def leased(client: AIOKafkaClient, send: Send, lease: Lease) -> Send:
    """Return `send` with a wait of its produce requests for the lease, whether it is their first time or another.

    What waits goes on when the coordinator answers, or ends with the process. A connection is made before the lease is
    asked, for that may take long, and from the question on nothing is waited for.
    """

    async def gated(node: int, request: Any, *, group: ConnectionGroup = ConnectionGroup.DEFAULT) -> Any:
        while isinstance(request, ProduceRequest):
            await lease.held()
            if not await client.ready(node, group=group):
                raise NodeNotReadyError(f"no connection to broker {node}, which a batch was to be sent to")
            if not lease.lapsed:
                break
        return await send(node, request, group=group)

    return gated
