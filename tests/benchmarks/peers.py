"""What other systems have published about the same job, and how our figures stand beside it.

Other machines: a ratio here says which order of magnitude is usual, not who is better; where a peer can be installed it
runs beside us instead (`solve`, `top_n`). Values are for one core where a source says how many there were.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.figures import Summary


@dataclass(frozen=True, slots=True)
class Published:
    """One published value.

    Parameters
    ----------
    figure : ours that it stands beside.
    peer, where : whose it is, and on what, as far as that is known.
    value : in the unit of our figure.
    source : where it was published.
    more_is_better : whether larger values are better.
    size : a figure that says how large ours was, and what it must have been; None: always the same.
    """

    figure: str
    peer: str
    where: str
    value: float
    source: str
    more_is_better: bool = True
    size: tuple[str, float] | None = None


_MILLION = ("on_demand_videos", 1e6)
_ORYX, _ORYX_CORES = "oryx.io/docs/performance.html", 32
_HASWELL, _HASWELL_CORE = "32 Haswell cores, mean", "one of 32 Haswell cores"
_EXACT, _LSH = "Oryx 2, exact", "Oryx 2, LSH 0.3 (not exact)"
_OPTIMUS, _OPTIMUS_USERS = "arXiv 1706.01449, stanford-futuredata/optimus-maximus plots/", 480_189
_ONE_THREAD = "one thread, CPU not stated"
_FEAST = "feast-dev/feast infra/website/docs/blog/feast-online-server-performance-tuning.md"

PUBLISHED = (
    Published("on_demand_per_cpu_second", _EXACT, _HASWELL_CORE, 70 / _ORYX_CORES, _ORYX, size=_MILLION),
    Published("on_demand_per_cpu_second", _LSH, _HASWELL_CORE, 437 / _ORYX_CORES, _ORYX, size=_MILLION),
    Published("on_demand_p50_ms", _EXACT, _HASWELL, 28, _ORYX, more_is_better=False, size=_MILLION),
    Published("on_demand_p50_ms", _LSH, _HASWELL, 7, _ORYX, more_is_better=False, size=_MILLION),
    Published("top10_users_per_cpu_second", "OPTIMUS, blocked GEMM", _ONE_THREAD, _OPTIMUS_USERS / 38.8, _OPTIMUS),
    Published("top10_users_per_cpu_second", "LEMP", _ONE_THREAD, _OPTIMUS_USERS / 72.2, _OPTIMUS),
    Published("top10_users_per_cpu_second", "FEXIPRO", _ONE_THREAD, _OPTIMUS_USERS / 855, _OPTIMUS),
    Published("events_per_second", "Metarank, import", "hardware not stated", 3_000, "metarank doc/performance.md"),
    Published("http_requests_per_second", "Feast, tuned", "one pod, about 4 cores", 718, _FEAST),
    Published(
        "http_p50_ms",
        "Feast, precomputed vectors",
        "about 4 cores, nothing else runs",
        0.98,
        _FEAST,
        more_is_better=False,
    ),
    Published(
        "http_p99_ms",
        "Feast, precomputed vectors",
        "about 4 cores, nothing else runs",
        1.7,
        _FEAST,
        more_is_better=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One of our figures beside a published one; `ahead` is above 1 where ours is better."""

    published: Published
    ours: float
    ahead: float


def comparisons(found: Mapping[str, Summary]) -> list[Comparison]:
    """Return every published value whose figure was measured, at the same size."""
    made = []
    for one in PUBLISHED:
        if one.figure in found and (one.size is None or found[one.size[0]].median == one.size[1]):
            ours = found[one.figure].median
            made.append(Comparison(one, ours, ours / one.value if one.more_is_better else one.value / ours))
    return made
