from typing import Any

from app.offline.data.histories import Population
from deploy.data import Rating
from deploy.demonstration.feed import event_of
from deploy.demonstration.parity import compare
from models.inference.recommend import recommend
from tests.deploy.demonstration.people import model, population

LIKES = [0, 2, 4, 6, 8]


class View:
    """Workers that answer what they are told to."""

    urls = ("http://one", "http://two")

    def __init__(self, lists: dict[str, list[str]]) -> None:
        self.lists = lists

    async def recommendations(self, url: str, user_id: str, limit: int) -> dict[str, Any]:
        videos = self.lists[user_id]
        return {"source": "nearline" if videos else "popular", "items": [{"video_id": one} for one in videos]}


def computed(people: Population, user: str) -> list[str]:
    (top,) = recommend(model(), [people.histories[user]], 20)
    return [model().video_ids[row] for row in top.rows.tolist()]


async def test_equal_lists_in_equal_order_are_no_mismatch() -> None:
    people = population(["u1", "u2"], LIKES)
    right = computed(people, "u1")
    exchanged = [right[1], right[0], *right[2:]]
    found = await compare(View({"u1": right, "u2": right}), model(), people)  # type: ignore[arg-type]
    assert (found.users, found.mismatches) == (2, [])
    found = await compare(View({"u1": right, "u2": exchanged}), model(), people)  # type: ignore[arg-type]
    assert (found.users, found.mismatches) == (2, ["u2"])


async def test_who_has_no_list_must_get_what_is_popular() -> None:
    bad_rating = event_of(Rating(1, "u3", "v1", 1.0), "movielens")
    people = Population(100).add([bad_rating])
    assert not (await compare(View({"u3": []}), model(), people)).mismatches  # type: ignore[arg-type]
    assert (await compare(View({"u3": ["v2"]}), model(), people)).mismatches == ["u3"]  # type: ignore[arg-type]
