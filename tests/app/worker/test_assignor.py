"""The assignor: standbys while a member wants them, what members are told, and how one asks for another assignment."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.settings.settings import Settings
from app.worker.assignor import STANDBY, STANDBYS_WANTED, TellingAssignor
from app.worker.faust_app import make_faust_app

CHANGELOG = "shop-users-changelog"
TOPICS = {"shop-membership", CHANGELOG}


class Members:
    """Workers with a setting of standbys each, and what the leader shares out among them."""

    def __init__(self, folder: Path, *standbys: int) -> None:
        self.assignors = [self._assignor(folder, number, wanted) for number, wanted in enumerate(standbys)]

    def _assignor(self, folder: Path, number: int, wanted: int) -> TellingAssignor:
        settings = Settings.model_validate(
            {
                "app_id": "shop",
                "data_dir": folder / str(number),
                "http": {"port": 8000 + number},
                "worker": {"id": str(number), "standby_replicas": wanted},
            }
        )
        app = make_faust_app(settings)
        cast("Any", app.tables)._changelogs[CHANGELOG] = SimpleNamespace(is_global=False)
        return cast("TellingAssignor", app.assignor)

    def share_out(self, leader: int, partitions: int = 4) -> None:
        """Let one of them share out, and each take what it got."""
        cluster: Any = SimpleNamespace(partitions_for_topic=lambda _: set(range(partitions)))
        said = {f"m{number}": assignor.metadata(TOPICS) for number, assignor in enumerate(self.assignors)}
        shared = self.assignors[leader].assign(cluster, said)
        for number, assignor in enumerate(self.assignors):
            assignor.on_assignment(cast("Any", shared[f"m{number}"]))

    def told(self, number: int, of: int, topic: str) -> list[int]:
        """What a member knows of another one."""
        topics = self.assignors[number].tables_metadata()[f"http://127.0.0.1:{8000 + of}"]
        return sorted(topics.get(topic, ()))


@pytest.mark.parametrize("leader", [0, 1])
@pytest.mark.parametrize(("standbys", "made"), [((0, 0), 0), ((1, 0), 4), ((0, 1), 4), ((1, 1), 4)])
def test_standbys_are_made_while_a_member_wants_them_whoever_leads(
    tmp_path: Path, leader: int, standbys: tuple[int, int], made: int
) -> None:
    members = Members(tmp_path, *standbys)
    members.share_out(leader)
    for number in range(2):
        assert sum(len(members.told(number, of, STANDBY + CHANGELOG)) for of in range(2)) == made
        assert sum(len(members.told(number, of, CHANGELOG)) for of in range(2)) == 4
        assert [members.told(number, of, STANDBYS_WANTED) for of in range(2)] == [[wanted] for wanted in standbys]


@pytest.mark.parametrize("leader", [0, 1])
def test_standbys_go_when_the_last_member_wants_none_any_more(tmp_path: Path, leader: int) -> None:
    members = Members(tmp_path, 1, 1)
    members.share_out(leader)
    for assignor, left in zip(members.assignors, (4, 0), strict=True):
        assignor._own_wish = 0
        members.share_out(leader)
        assert sum(len(members.told(0, of, STANDBY + CHANGELOG)) for of in range(2)) == left
    assert sum(len(members.told(0, of, STANDBY + CHANGELOG)) for of in range(2)) == 0
    assert all(not assignor.assigned_standbys() for assignor in members.assignors)


def test_what_a_member_says_changes_when_it_asks_and_only_then(tmp_path: Path) -> None:
    members = Members(tmp_path, 1, 1)
    members.share_out(0)
    assignor = members.assignors[0]

    def said() -> bytes:
        encoded: bytes = assignor.metadata(TOPICS).encode()
        return encoded

    before = said()
    assert said() == before
    assignor.asked += 1
    assert said() != before
    members.share_out(1)
    assert members.told(0, 0, CHANGELOG) == sorted(
        at.partition for at in assignor.assigned_actives() if at.topic == CHANGELOG
    )
