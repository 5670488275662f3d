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
    assert routing({}, set()).unserved() == [0, 1, 2, 3]


def test_unserved_is_what_nobody_owns_whoever_copies_it() -> None:
    found = routing(
        {
            "http://a:1": {"shop-users-changelog": [0], "standby:shop-users-changelog": [1, 2]},
            "http://b:2": {"shop-users-changelog": [3], "shop-membership": [1]},
            "http://spare:3": {},
        },
        running=set(),
    )
    assert found.unserved() == [1, 2]


def test_what_this_worker_wanted_is_read_of_its_own_part_of_the_assignment() -> None:
    told = {URL("http://a:1/"): {"standbys wanted": [1]}, "http://b:2": {"standbys wanted": [0]}}
    assert routing(told, set()).standbys_wanted() == 1
    assert routing({"http://b:2": {"standbys wanted": [0]}}, set()).standbys_wanted() is None
    assert routing({"http://a:1": {"standbys wanted": [0]}}, set()).standbys_wanted() == 0
