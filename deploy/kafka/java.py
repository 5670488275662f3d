"""Finding a Java that Kafka 4 runs on."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

OLDEST_JAVA = 17
_DEBIAN = Path("/usr/lib/jvm")
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def find_java() -> Path | None:
    """Return the first `java` of version 17 or later, of JAVA_HOME, the PATH, Debian's folder; else None."""
    return next((java for java in _candidates() if (java_version(java) or 0) >= OLDEST_JAVA), None)


def java_version(java: Path) -> int | None:
    """Return the feature version of a `java` (8, 17, 21), None if it does not run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(answer.stderr)


def parse_version(text: str) -> int | None:
    """Return the feature version in what ``java -version`` prints.

    >>> parse_version('openjdk version "17.0.15" 2025-04-15'), parse_version('java version "1.8.0_302"')
    (17, 8)
    """
    found = _VERSION.search(text)
    return int(found[1]) if found else None


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if on_path := shutil.which("java"):
        yield Path(on_path)
    yield from sorted(_DEBIAN.glob("*/bin/java"))
