"""What a process has used, as the kernel counts it."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, user and system."""
    return parse_cpu(Path(f"/proc/{pid}/stat").read_text())


def thread_cpu_seconds(pid: int) -> dict[int, float]:
    """Return the CPU seconds of each thread that lives, by its id; the process's own id is its first thread."""
    found: dict[int, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found[int(task.name)] = parse_cpu((task / "stat").read_text())
        except OSError:  # it has just ended
            continue
    return found


def memory_mb(pid: int) -> tuple[float, float]:
    """Return resident memory now and at most so far, in MB (10^6 bytes)."""
    fields = parse_status(Path(f"/proc/{pid}/status").read_text())
    return fields["VmRSS"] * 1024 / 1e6, fields["VmHWM"] * 1024 / 1e6


def parse_cpu(stat: str) -> float:
    """Return user and system seconds from the text of a ``stat`` file; the name in it may hold blanks and brackets."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def parse_status(status: str) -> dict[str, int]:
    """Return the sizes (kB) that a ``status`` file names."""
    lines = (line.split() for line in status.splitlines())
    return {line[0].rstrip(":"): int(line[1]) for line in lines if len(line) == 3 and line[2] == "kB"}
