"""A worker's requests to the coordinator of its group: each tells the lease what was answered, and has its time.

aiokafka gives every request of a client one time, which must outlast a rebalance: on a half-open connection a heartbeat
would hang for a minute, and the session would end meanwhile. Here whatever the group's consumer asks has a third of the
session timeout. What was not answered by then closes its connection, and the coordinator is looked up anew, on a fresh
one. Only what waits for other members has the time of a rebalance.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.client import ConnectionGroup
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError, NoError, RebalanceInProgressError
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest
from prometheus_client import Counter

from agents.liveness.lease import Lease

_KNOWN = {NoError.errno, RebalanceInProgressError.errno}
"""What the coordinator answers to the heartbeat of a member that it knows."""


class CoordinatorRequests:
    """Stands between aiokafka's coordinator and its connection, on the consumer's thread.

    Parameters
    ----------
    lease : is told what was answered.
    answer_seconds : the time of a request that waits for nobody else.
    join_seconds : the time of a join or a sync, which wait for other members.
    unanswered : counts heartbeats without an answer.
    """

    def __init__(self, lease: Lease, answer_seconds: float, join_seconds: float, unanswered: Counter) -> None:
        self._lease = lease
        self._answer_seconds = answer_seconds
        self._join_seconds = join_seconds
        self._unanswered = unanswered

    def go_between(self, consumer: AIOKafkaConsumer) -> None:
        """Stand there from now on; the consumer is started and has not subscribed. Without a group nothing happens."""
        coordinator = consumer._coordinator  # noqa: SLF001
        if not isinstance(coordinator, GroupCoordinator):
            return
        send, forget = coordinator._send_req, coordinator.reset_generation  # noqa: SLF001
        consumer._client._request_timeout_ms = self._answer_seconds * 1000  # noqa: SLF001 - of connections to come

        async def told(request: Any) -> Any:
            return await self._send(coordinator, send, request)

        def forgotten() -> None:
            self._lease.lost()
            forget()

        coordinator._send_req, coordinator.reset_generation = told, forgotten  # noqa: SLF001

    async def _send(self, coordinator: GroupCoordinator, send: Callable[[Any], Awaitable[Any]], request: Any) -> Any:
        sent = self._lease.clock()
        if isinstance(request, HeartbeatRequest):
            return await self._beat(send, request, sent)
        if isinstance(request, JoinGroupRequest):
            self._lease.joins()
            answer = await self._patiently(coordinator, send, request)
            self._lease.join_answered()
            return answer
        if isinstance(request, SyncGroupRequest):
            return await self._sync(coordinator, send, request, sent)
        return await send(request)

    async def _beat(self, send: Callable[[Any], Awaitable[Any]], request: HeartbeatRequest, sent: float) -> Any:
        try:
            answer = await send(request)
        except KafkaError:
            self._unanswered.inc()
            raise
        if answer.error_code in _KNOWN:
            self._lease.answered(sent)
        return answer

    async def _sync(
        self, coordinator: GroupCoordinator, send: Callable[[Any], Awaitable[Any]], request: Any, sent: float
    ) -> Any:
        answer = await self._patiently(coordinator, send, request)
        if answer.error_code == NoError.errno:
            self._lease.synced(sent)
            # aiokafka would begin when the databases of all partitions are open, and the session runs already
            coordinator._start_heartbeat_task()  # noqa: SLF001
        else:
            self._lease.join_answered()
        return answer

    async def _patiently(
        self, coordinator: GroupCoordinator, send: Callable[[Any], Awaitable[Any]], request: Any
    ) -> Any:
        """Send what is the only request on its connection while it waits."""
        client, node = coordinator._client, coordinator.coordinator_id  # noqa: SLF001
        if node is None or not await client.ready(node, group=ConnectionGroup.COORDINATION):
            return await send(request)  # which says what is wrong
        connection = client._conns[node, ConnectionGroup.COORDINATION]  # noqa: SLF001
        connection._request_timeout = self._join_seconds  # noqa: SLF001
        try:
            return await send(request)
        finally:
            connection._request_timeout = self._answer_seconds  # noqa: SLF001
