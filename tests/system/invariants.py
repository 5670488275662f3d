"""The invariants of a cluster that has come to rest; any test may ask for the verdict.

I1  user factors are those of the reference, within 1e-6: the product's solver in float64 against plain float64 normal
    equations of the *expected* history; stored lists, which are float32, within 1e-4 of the reference's scores
I2  every valid event is in its user's history, superseded, or evicted; every other one is a dead letter; none is both
I3  rows and answers are of published models only, each of its user's region, or of all where that has none
I4  no applied offset falls in the changelog, and each source position is beyond the one before
I5  RocksDB holds what the compacted changelog holds, and a compaction would leave just that
I6  neither a stored position nor a commit is ahead of the changelog
I7  every answer was true when it was given (`tests.system.answers`)
I8  no worker stands still while events wait (`tests.system.watch`)
I9  who was erased stays erased: no fact from before is in a row, an answer, or behind its tombstone in the changelog
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from aiokafka import ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient

from agents.events.dead_letters import OFFSET_HEADER, PARTITION_HEADER
from agents.popularity.own_popularity import POPULARITY_PREFIX
from agents.users.user_state import TIE_BYTES, UserState
from models.factorization.factor_model import FactorModel
from models.factorization.user_solver import UserSolver
from models.names import GLOBAL_REGION
from tables.applied_offset import RESERVED
from tables.position import POSITION_KEY, Position
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.oracle import HISTORY_LIMIT, Expected, expect, read_topic, reference_factors
from tests.support.cluster.verdict import check_user, database_rows, listed_by, name_of
from tests.system.answers import Answers
from tests.system.changelog import Changelog, facts_of
from tests.system.truth import untrue
from tests.system.watch import committed_offsets

RELATIVE_ERROR = 1e-6
_MOST_TOLD = 20


@dataclass(slots=True)
class Verdict:
    """What the state is against what it must be.

    Parameters
    ----------
    events : valid events, each id once.
    lost : events that have no effect where they must have one: counts of plays and likes, facts of histories.
    doubled : effects beyond the one of each event: counts, and event ids that a row remembers twice.
    returned : facts that an erasure took and that are in a row all the same.
    erasures : records of the source that erase somebody.
    wrong : what breaks an invariant, in words.
    rows : users.
    """

    events: int
    lost: int = 0
    doubled: int = 0
    returned: int = 0
    erasures: int = 0
    rows: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = self.wrong[:_MOST_TOLD]
        rest = [f"... and {len(self.wrong) - _MOST_TOLD} more"] if len(self.wrong) > _MOST_TOLD else []
        counts = f"{self.events} events, {self.erasures} erasures, {self.lost} lost, {self.doubled} doubled"
        return "\n".join((f"{counts}, {self.returned} come back", *told, *rest))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a scenario.

    Parameters
    ----------
    models : every model that was published.
    is_wrong : which records of the source are to be rejected.
    answers : what workers answered.
    folders : by partition, the data folder of the stopped worker that owned it last.
    late_batches : whether a dead worker's batch may have landed behind its successor's.
    history_limit : the workers' users.history_limit.
    source : what the source topic held, where it does not hold all of it any more.
    """

    models: list[FactorModel]
    is_wrong: Callable[[ConsumerRecord], bool] = lambda _: False
    answers: Answers | None = None
    folders: Mapping[int, Path] = field(default_factory=dict)
    late_batches: bool = False
    history_limit: int = HISTORY_LIMIT
    source: list[ConsumerRecord] | None = None


async def judge(cluster: Cluster, facts: Facts) -> Verdict:
    """Hold a cluster at rest against the source topic."""
    source = facts.source or await read_topic(cluster.bootstrap, cluster.names.member_events)
    good = [record for record in source if not facts.is_wrong(record)]
    expected = expect(good, facts.history_limit)
    wanted = {(seen.user, seen.as_of) for seen in facts.answers.lists} if facts.answers else set()
    changelog = await Changelog.read(cluster, wanted)
    verdict = Verdict(expected.accepted, erasures=expected.erasures)
    states = {key.decode(): UserState.decode(row) for (_, key), row in changelog.rows.items() if key[:1] != RESERVED}
    verdict.rows = len(states)
    verdict.wrong += _users(states, expected, facts.models, verdict)
    _popularity(changelog, expected, verdict)
    verdict.wrong += await _dead_letters(cluster, source, facts)
    if not facts.late_batches:
        verdict.wrong += changelog.fell
    verdict.wrong += [f"I5 a compaction would lose the newest row of {at}" for at in changelog.buried()]
    verdict.wrong += _databases(changelog, facts.folders)
    verdict.wrong += await _commits(cluster, changelog)
    if facts.answers is not None:
        verdict.wrong += facts.answers.wrong
        verdict.wrong += untrue(facts.answers, good, changelog.written, facts.models, facts.history_limit)
    return verdict


def _users(
    states: Mapping[str, UserState], expected: Expected, models: list[FactorModel], verdict: Verdict
) -> Iterator[str]:
    """I1, I2, I3: every history, list and version; counts what histories lack or remember twice."""
    by_name = {name_of(model): model for model in models}
    solvers = {name: _exact_solver(model) for name, model in by_name.items()}
    regions = {model.region for model in models}
    missing = 0
    for user in sorted(states.keys() | expected.facts.keys()):
        if user in states:
            back = expected.erased.get(user, set()) & set(facts_of(states[user])) - set(expected.facts.get(user, ()))
            verdict.returned += len(back)
            if back:
                yield f"I9 user {user} has {len(back)} facts from before an erasure"
        if user not in states or user not in expected.facts:
            missing += len(expected.facts.get(user, ()))
            yield f"I2 user {user} {'has no row' if user not in states else 'has a row and no event'}"
            continue
        state, facts = states[user], expected.facts[user]
        found = facts_of(state)
        missing += len(set(facts) - set(found))
        ties = [state.recent[at : at + TIE_BYTES] for at in range(0, len(state.recent), TIE_BYTES)]
        verdict.doubled += len(ties) - len(set(ties))
        name, region = listed_by(state), expected.regions.get(user, GLOBAL_REGION)
        if name and name not in by_name:
            yield f"I3 user {user} has a list of {name}, which was never published"
            continue
        if name and by_name[name].region != (region if region in regions else GLOBAL_REGION):
            yield f"I3 user {user} of {region} has a list of {name}"
            continue
        try:
            check_user(user, state, by_name.get(name, models[-1]), expected)
        except AssertionError as error:
            yield f"I1 I2 {user}: {str(error).strip()[:400]}"
            continue
        for name, model in by_name.items():
            if (error_ := _factor_error(state, facts, model, solvers[name])) > RELATIVE_ERROR:
                yield f"I1 user {user}: factors differ from the reference by {error_:.2g} under {name}"
    verdict.lost = max(verdict.lost, missing)


def _exact_solver(model: FactorModel) -> UserSolver:
    factors = model.factors.astype(np.float64)
    return UserSolver(factors, factors.T @ factors, model.description.solver)


def _factor_error(
    state: UserState, facts: list[tuple[int, str, int, float]], model: FactorModel, solver: UserSolver
) -> float:
    """Return how far the product's solution of the stored history is from the reference of the expected one."""
    rows, confidences = model.description.confidence.confidences(state.history, model.index)
    solved = solver.solve(np.array([0, len(rows)]), rows, confidences.astype(np.float64))[0]
    reference = reference_factors(model, facts)
    return float(np.abs(solved - reference).max() / max(np.abs(reference).max(), 1e-12))


def _popularity(changelog: Changelog, expected: Expected, verdict: Verdict) -> None:
    """I2: every play and like counts once."""
    counted: Counter[str] = Counter()
    for (_, key), row in changelog.rows.items():
        if key.startswith(POPULARITY_PREFIX):
            counted[key.rsplit(b"\0", 1)[1].decode()] += int.from_bytes(row[8:12], "little")
    lost, doubled = (expected.likes - counted).total(), (counted - expected.likes).total()
    verdict.lost, verdict.doubled = max(verdict.lost, lost), verdict.doubled + doubled
    if lost or doubled:
        verdict.wrong.append(f"I2 of {expected.likes.total()} plays and likes {lost} are missing, {doubled} too many")


async def _dead_letters(cluster: Cluster, source: list[ConsumerRecord], facts: Facts) -> list[str]:
    """I2: each rejected record is there at least once, and no other one."""
    letters = await read_topic(cluster.bootstrap, cluster.names.dead_letters)
    origins = set()
    wrong = []
    by_place = {(record.partition, record.offset): record for record in source}
    for letter in letters:
        headers = dict(letter.headers)
        origin = int(headers[PARTITION_HEADER]), int(headers[OFFSET_HEADER])
        origins.add(origin)
        record = by_place.get(origin)
        if record is not None and (record.key or b"", record.value or b"") != (letter.key or b"", letter.value or b""):
            wrong.append(f"I2 the dead letter of {origin} is not what was sent")
    rejected = {(record.partition, record.offset) for record in source if facts.is_wrong(record)}
    wrong += [f"I2 the invalid record at {at} is no dead letter" for at in sorted(rejected - origins)]
    wrong += [f"I2 the valid record at {at} is a dead letter" for at in sorted(origins - rejected) if at in by_place]
    return wrong


def _databases(changelog: Changelog, folders: Mapping[int, Path]) -> Iterator[str]:
    """I5 and the stored half of I6."""
    for partition, folder in sorted(folders.items()):
        stored = dict(database_rows(folder, partition))
        wanted = {key: row for (number, key), row in changelog.rows.items() if number == partition}
        if stored != wanted:
            different = [key for key in stored.keys() | wanted.keys() if stored.get(key) != wanted.get(key)]
            yield f"I5 partition {partition} in {folder}: {len(different)} rows differ, such as {different[:3]}"
        position = stored.get(POSITION_KEY)
        reached = 0 if position is None else Position.decode(position).next_offset
        if reached > changelog.positions.get(partition, 0):
            yield f"I6 partition {partition} in {folder} is at {reached}, beyond the changelog"


async def _commits(cluster: Cluster, changelog: Changelog) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        committed = await committed_offsets(admin, cluster)
    finally:
        await admin.close()
    return [
        f"I6 partition {partition}: {offset} is committed, the changelog is at {changelog.positions.get(partition)}"
        for partition, offset in committed.items()
        if offset > changelog.positions.get(partition, 0)
    ]


def owners_of(partitions: Mapping[int, str], cluster: Cluster) -> dict[int, Path]:
    """Return the data folder of each partition's owner, given the owners' addresses."""
    by_url = {worker.url: worker.data for worker in cluster.workers}
    return {partition: by_url[url] for partition, url in partitions.items()}
