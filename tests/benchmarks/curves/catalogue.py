"""Every curve by the name that the command knows."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.curves.curve import Curve
from tests.benchmarks.curves.kernel_curves import over_factors, over_facts, over_videos
from tests.benchmarks.curves.process_curves import over_users, over_workers
from tests.benchmarks.curves.sizes import CurveSizes

Drawing = Callable[[Bench, CurveSizes], Awaitable[list[Curve]]]

CURVES: Final[Mapping[str, Drawing]] = {
    "videos": over_videos,
    "factors": over_factors,
    "facts": over_facts,
    "users": over_users,
    "workers": over_workers,
}
