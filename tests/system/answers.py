"""What workers answer while a scenario runs, kept to be held against the truth that is known at its end."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
PROBLEM_TYPE = "application/problem+json"
MAYBE_LATER = frozenset({429, 503})
MOST_KEPT = 300
"""Answers of each kind: checking one replays a user's events."""

Fact = tuple[int, str, str, float]
"""Time in ms since the epoch, video, kind, value."""


@dataclass(frozen=True, slots=True)
class SeenUser:
    """A user's history as a worker answered it: what was applied up to a source offset."""

    user: str
    partition: int
    applied_offset: int
    facts: list[Fact]


@dataclass(frozen=True, slots=True)
class SeenList:
    """A user's list as a worker answered it: `as_of`, ms since the epoch, tells the row that it was made of."""

    user: str
    region: str
    version: str
    as_of: int
    items: list[tuple[str, float]]


@dataclass
class Answers:
    """Takes answers in, says at once what is wrong with one, and keeps a random part of the good ones.

    Attributes
    ----------
    most_kept : of each kind.
    served : answers with status 200.
    refused : answers that told when to try again.
    silent : requests without an answer.
    wrong : answers that must not be, in words.
    """

    seed: int
    most_kept: int = MOST_KEPT
    served: int = 0
    refused: int = 0
    silent: int = 0
    wrong: list[str] = field(default_factory=list)
    users: list[SeenUser] = field(default_factory=list)
    lists: list[SeenList] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)
    """Model versions that any list named."""
    gone: dict[str, int] = field(default_factory=dict)
    """By user who was answered as unknown: the highest source offset that had been shown of them before."""

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._applied: dict[str, int] = {}
        self._counts = [0, 0]

    def applied(self, user: str) -> int:
        """Return the last source offset of a user's that any answer has shown, -1 for none."""
        return self._applied.get(user, -1)

    def erased(self, user: str, offset: int) -> None:
        """Take note that an erasure, at a source offset of the user's partition, was answered as applied."""
        self._applied[user] = max(offset, self.applied(user))

    def take(self, path: str, status: int, headers: Any, body: Any, user: str, applied_before: int) -> None:
        """Take one answer; `applied_before` is what was known of the user when the question was asked."""
        if status == 200:
            self.served += 1
            if path.endswith(user):
                self._take_user(user, body, applied_before)
            else:
                self._take_list(user, body, applied_before)
            return
        if PROBLEM_TYPE not in headers.get("Content-Type", ""):
            self.wrong.append(f"I7 {path}: status {status} without a problem: {body!r:.200}")
        elif status in MAYBE_LATER and not headers.get("Retry-After", "").isdigit():
            self.wrong.append(f"I7 {path}: status {status} does not say when to try again: {body!r:.200}")
        elif status == 404:
            self._take_gone(user, applied_before)
        elif status not in MAYBE_LATER:
            self.wrong.append(f"I7 {path}: status {status}: {body!r:.200}")
        self.refused += 1

    def _take_user(self, user: str, body: dict[str, Any], applied_before: int) -> None:
        offset = body["applied_offset"]
        if offset < applied_before:
            self.wrong.append(f"I7 {user}: offset {offset} is shown after {applied_before} was")
        self._applied[user] = max(offset, self.applied(user))
        facts = [
            (_milliseconds(fact["ts"]), fact["video_id"], fact["kind"], fact["value"] or 0.0)
            for fact in reversed(body["history"])
        ]
        self._keep(self.users, 0, SeenUser(user, body["partition"], offset, facts))

    def _take_list(self, user: str, body: dict[str, Any], applied_before: int) -> None:
        if not body["items"] and not body.get("reason"):
            self.wrong.append(f"I7 {user}: an empty list without a reason: {body}")
        if body["as_of"] is None:
            self._take_gone(user, applied_before)
            return
        if body["model_version"] is None:
            self.wrong.append(f"I7 {user}: a list of no version: {body!r:.300}")
            return
        self.versions.add(body["model_version"])
        if body["source"] == "nearline":
            items = [(item["video_id"], item["score"]) for item in body["items"]]
            self._keep(
                self.lists,
                1,
                SeenList(user, body["region"], body["model_version"], _milliseconds(body["as_of"]), items),
            )

    def _take_gone(self, user: str, applied_before: int) -> None:
        """Keep that a user was unknown; whether an erasure explains it is known at the end."""
        if applied_before >= 0:
            self.gone[user] = max(applied_before, self.gone.get(user, -1))

    def _keep(self, kept: list[Any], kind: int, answer: Any) -> None:
        """Keep a part of all answers, each with the same chance."""
        self._counts[kind] += 1
        if len(kept) < self.most_kept:
            kept.append(answer)
        elif (place := self._chance.randrange(self._counts[kind])) < self.most_kept:
            kept[place] = answer


def _milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
