"""Routing: every partition's owner, from the assignment that each worker knows."""

from types import SimpleNamespace
from typing import Any

from yarl import URL

from agents.kafka.partitions import partition_of
from agents.users.users import Users
from app.worker.routing import AssignmentRouting


def routing(metadata: dict[Any, dict[str, list[int]]], running: set[int]) -> AssignmentRouting:
    """Routing over four partitions."""
    app: Any = SimpleNamespace(router=SimpleNamespace(tables_metadata=lambda: metadata))
    table: Any = SimpleNamespace(running=running)
    return AssignmentRouting(app, Users(table, 4), "shop-users-changelog", "http://a:1")


def test_owners_are_read_from_the_changelogs_assignment() -> None:
    found = routing(
        {
            URL("http://a:1/"): {"shop-users-changelog": [0, 2], "shop-membership": [3]},
            "http://b:2": {"shop-users-changelog": [1]},
        },
        running={0},
    )
    assert [found.owner(partition) for partition in range(4)] == ["http://a:1", "http://b:2", "http://a:1", None]
    assert (found.holds(0), found.holds(2)) == (True, False)
    assert found.partition_of("u1") == partition_of(b"u1", 4)


def test_before_the_first_assignment_nobody_owns_anything() -> None:
    assert routing({}, set()).owner(0) is None
