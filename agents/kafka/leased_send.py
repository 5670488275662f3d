"""The last gate before the socket: nothing is produced while the lease is lapsed, and no right to produce is taken."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from agents.liveness.lease import Lease

Send = Callable[..., Awaitable[Any]]
_GATED = {ProduceRequest.API_KEY, InitProducerIdRequest.API_KEY}
"""Who asks for a producer's id takes it from whoever had it before."""


def leased(client: AIOKafkaClient, send: Send, lease: Lease) -> Send:
    """Return `send` with a wait for the lease of every request that changes anything, whichever try it is.

    What waits goes on when the coordinator answers, or ends with the process. A connection is made before the lease is
    asked, for that may take long, and from the question on nothing is waited for.
    """

    async def gated(node: int, request: Any, *, group: ConnectionGroup = ConnectionGroup.DEFAULT) -> Any:
        while request.API_KEY in _GATED:
            await lease.held()
            if not await client.ready(node, group=group):
                raise NodeNotReadyError(f"no connection to broker {node}, which something was to be written to")
            if not lease.lapsed:
                break
        return await send(node, request, group=group)

    return gated
