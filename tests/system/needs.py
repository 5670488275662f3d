"""What a worker's process needs: memory, files, threads, as the kernel says."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Needs:
    """What a process needs at one moment, and the most memory that it ever had."""

    minute: float
    rss_mb: float
    peak_rss_mb: float
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int, minute: float = 0.0) -> "Needs":
        """Ask the kernel."""
        process = Path(f"/proc/{pid}")
        fields = dict(line.split(":", 1) for line in (process / "status").read_text(encoding="ascii").splitlines())
        rss_mb, peak_rss_mb = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
        return cls(minute, rss_mb, peak_rss_mb, len(list((process / "fd").iterdir())), int(fields["Threads"]))
