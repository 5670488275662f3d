import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from yaml import safe_load_all

from app.offline.schedule.jobs_file import read_jobs
from app.settings.fields import setting_fields

ROOT = Path(__file__).parents[3]
MANIFEST = ROOT / "deploy" / "kubernetes" / "train-cronjob.yaml"


@pytest.fixture(scope="module")
def objects() -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in safe_load_all(MANIFEST.read_text())}


@pytest.fixture(scope="module")
def pod(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture(scope="module")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (one,) = pod["containers"]
    assert isinstance(one, dict)
    return one


def test_the_command_is_one_that_nearline_takes(
    objects: dict[str, dict[str, Any]], container: dict[str, Any], tmp_path: Path
) -> None:
    program, verb, jobs, *options = container["command"]
    (mount,) = (one for one in container["volumeMounts"] if one["name"] == "jobs")
    assert (program, verb) == ("nearline", "schedule")
    assert jobs == f"{mount['mountPath']}/jobs.toml"
    mounted = tmp_path / "jobs.toml"
    mounted.write_text(objects["ConfigMap"]["data"]["jobs.toml"])
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEARLINE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "app", verb, str(mounted), *options],
        cwd=ROOT,
        env={**environ, "NEARLINE_KAFKA__BOOTSTRAP": "127.0.0.1:1", "NEARLINE_STORE": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(ended.stdout)  # it came as far as the broker, which is none
    assert (ended.returncode, told["region"], told["verdict"]) == (1, "global", "failed")
    assert told["reason"].startswith("cannot reach Kafka at 127.0.0.1:1")


def test_each_region_has_one_training_at_a_time_at_the_time_of_its_job(
    objects: dict[str, dict[str, Any]], container: dict[str, Any], tmp_path: Path
) -> None:
    spec = objects["CronJob"]["spec"]
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
    (tmp_path / "jobs.toml").write_text(objects["ConfigMap"]["data"]["jobs.toml"])
    (job,) = read_jobs(tmp_path / "jobs.toml")
    command = container["command"]
    assert job.region == command[command.index("--region") + 1]
    assert objects["CronJob"]["metadata"]["name"] == f"nearline-train-{job.region}"
    assert job.cron == spec["schedule"]
    (events,) = (one for one in container["volumeMounts"] if one["name"] == "events")
    assert job.events.startswith(events["mountPath"])


def test_what_another_try_would_not_change_is_not_tried_again(objects: dict[str, dict[str, Any]]) -> None:
    (rule,) = objects["CronJob"]["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [2, 3]  # wrong usage, held back by the gate


def test_it_may_do_no_more_than_it_needs(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["automountServiceAccountToken"] is False
    security = container["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}


def test_secrets_come_from_elsewhere_and_settings_exist(
    objects: dict[str, dict[str, Any]], container: dict[str, Any]
) -> None:
    assert set(objects) == {"ConfigMap", "CronJob"}
    assert any("secretRef" in source for source in container["envFrom"])
    secret = {field.variable for field in setting_fields().values() if field.secret}
    given = {one["name"] for one in container["env"]}
    assert not given & secret
    assert not any(name.startswith("AWS_") for name in given)
    known = {field.variable for field in setting_fields().values()}
    assert {name for name in given if name.startswith("NEARLINE_")} <= known
