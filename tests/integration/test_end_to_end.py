"""The whole path on real parts: an event changes the answer of either worker; bad events stop nothing."""

from itertools import islice

from agents.kafka.partitions import partition_of
from tests.integration.answers import listed
from tests.support.cluster.bad_records import bad_records
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings, rating
from tests.support.cluster.oracle import read_topic, reference_scores
from tests.support.cluster.verdict import applied, check_changelog
from tests.support.waiting import wait_for


async def test_an_event_of_a_plain_client_changes_the_answer_of_either_worker(cluster: Cluster) -> None:
    model = await cluster.publish()
    workers = await cluster.start_workers(2)
    user = next(f"u{number}" for number in range(99) if partition_of(b"u%d" % number, PARTITIONS) == 0)
    await cluster.send([rating("e1", user, "v1"), rating("e2", user, "v2")])

    expected = await applied(cluster)
    first, second = [await listed(worker, user) for worker in workers]
    assert first == second
    assert (first["model_version"], first["source"]) == (model.version, "nearline")
    reference = reference_scores(model, expected.facts[user])
    assert [item["video_id"] for item in first["items"]] == sorted(
        reference.keys() - {"v1", "v2"}, key=lambda video: -reference[video]
    )[:20]

    best = first["items"][0]["video_id"]
    await cluster.send([rating("e3", user, best)])

    async def gone() -> bool:
        answers = [await listed(worker, user) for worker in workers]
        return all(best not in {item["video_id"] for item in answer["items"]} for answer in answers)

    await wait_for("list without the video that was just rated", gone, 10)


async def test_bad_events_are_kept_byte_for_byte_and_the_good_ones_between_them_are_applied(cluster: Cluster) -> None:
    model = await cluster.publish()
    await cluster.start_workers(1)
    good = list(islice(happenings(1), 200))
    bad = bad_records()
    mixed = [record for pair in zip(good, bad + bad[:1] * (len(good) - len(bad)), strict=True) for record in pair]
    flood = [(b"u1", b"{")] * 1000
    await cluster.send([*mixed, *flood])

    source = await read_topic(cluster.bootstrap, cluster.names.member_events)
    accepted = {value for _, value in good}
    expected = await applied(cluster, [record for record in source if record.value in accepted])
    await check_changelog(cluster, model, expected)
    letters = await read_topic(cluster.bootstrap, cluster.names.dead_letters)
    headers = [dict(letter.headers) for letter in letters]
    origin = {
        (int(header["__streams.errors.partition"]), int(header["__streams.errors.offset"])): letter
        for header, letter in zip(headers, letters, strict=True)
    }
    rejected = {(record.partition, record.offset): record for record in source if record.value not in accepted}
    assert origin.keys() == rejected.keys()
    for at, record in rejected.items():
        assert (origin[at].key, origin[at].value) == (record.key, record.value)
    assert {header["reason"] for header in headers} >= {
        b"invalid_json",
        b"invalid_event",
        b"too_large",
        b"future_ts",
        b"key_mismatch",
        b"invalid_utf8",
        b"empty",
    }
    assert {header["__streams.errors.topic"] for header in headers} == {cluster.names.member_events.encode()}


async def test_popularity_is_global_and_the_fallback_of_a_user_whom_nobody_knows(cluster: Cluster) -> None:
    await cluster.publish()
    workers = await cluster.start_workers(2)
    likes = [
        rating(f"{video}-{user}", f"u{user}", f"v{video}") for video in (7, 8, 9) for user in range(3 * (video - 6))
    ]
    await cluster.send(likes)

    async def popular() -> bool:
        answers = [await listed(worker, "nobody", "limit=3") for worker in workers]
        wanted = [("v9", 9.0), ("v8", 6.0), ("v7", 3.0)]
        return all(
            answer["source"] == "popular" and [(item["video_id"], item["score"]) for item in answer["items"]] == wanted
            for answer in answers
        )

    await wait_for("the same popular list on both workers", popular, 15)
