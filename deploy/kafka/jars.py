"""Kafka's jars: fetched once by Maven, and refused unless each is byte for byte the one that was locked.

``pom.xml`` names what to fetch, ``jars.lock`` holds a line ``sha256  name`` for every jar. Another version takes three
steps: edit ``pom.xml``, run Maven's goal below, and write the output of ``sha256sum *`` to ``jars.lock``.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.kafka.errors import JarsInvalid

CHECKOUT = Path(__file__).parents[2]
POM = Path(__file__).with_name("pom.xml")
LOCK = Path(__file__).with_name("jars.lock")
GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_SECONDS_TO_FETCH = 900


def read_lock(path: Path = LOCK) -> dict[str, str]:
    """Return the locked SHA-256 digest (hex) of each jar by its name."""
    pairs = (line.split() for line in path.read_text().splitlines() if line)
    return {name: digest for digest, name in pairs}


def kafka_version(lock: dict[str, str]) -> str:
    """Return the version of Kafka in a lock.

    >>> kafka_version({"kafka_2.13-4.4.0.jar": "00", "re2j-1.8.jar": "00"})
    '4.4.0'
    """
    prefix = "kafka_2.13-"
    return next(name for name in lock if name.startswith(prefix)).removeprefix(prefix).removesuffix(".jar")


def jar_folder(checkout: Path = CHECKOUT) -> Path:
    """Return the folder that holds, or will hold, the jars."""
    return checkout / ".nearline" / "kafka" / kafka_version(read_lock())


def check_jars(folder: Path, lock: dict[str, str]) -> None:
    """Compare a folder with the lock (45 jars, 45 MB: about 0.1 s).

    Raises
    ------
    JarsInvalid
        If a jar is missing, has another digest, or is not in the lock.
    """
    found = {path.name: path for path in folder.glob("*.jar")}
    if missing := sorted(lock.keys() - found.keys()):
        raise JarsInvalid(f"{folder} lacks {', '.join(missing)}: delete the folder and run again")
    if unknown := sorted(found.keys() - lock.keys()):
        raise JarsInvalid(f"{folder} holds {', '.join(unknown)}, not in {LOCK.name}: delete the folder and run again")
    for name, expected in lock.items():
        with found[name].open("rb") as jar:
            actual = hashlib.file_digest(jar, "sha256").hexdigest()
        if actual != expected:
            raise JarsInvalid(
                f"{found[name]} has sha256 {actual}, but {LOCK.name} says {expected}: "
                "it is not used; delete the folder and run again, and if that repeats distrust where it came from"
            )


def ensure_jars(folder: Path) -> Path:
    """Return the folder with the checked jars, fetching them first where it does not exist.

    The folder appears whole, by one rename, or not at all.

    Raises
    ------
    JarsInvalid
        If Maven is missing or fails, or a digest is not the locked one.
    """
    lock = read_lock()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
            fetched = Path(scratch, "jars")
            _fetch(fetched)
            check_jars(fetched, lock)
            _rename(fetched, folder)
    check_jars(folder, lock)
    return folder


def _rename(fetched: Path, folder: Path) -> None:
    try:
        fetched.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was quicker, and its jars are checked like ours
            raise


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise JarsInvalid("cannot fetch Kafka's jars: `mvn` is not on the PATH; install Maven (package maven)")
    # The batch's own strict checksums (-C) guard the transfer; jars.lock guards what was transferred.
    command = [maven, "-q", "-B", "-C", "-f", str(POM), GOAL, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_TO_FETCH, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise JarsInvalid(f"Maven did not fetch Kafka's jars in {_SECONDS_TO_FETCH} s: check the network") from error
    if answer.returncode != 0:
        last = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-15:])
        raise JarsInvalid(f"Maven could not fetch Kafka's jars (exit {answer.returncode}); its last words:\n{last}")
