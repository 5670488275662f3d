"""The machine that measures: what it is, and how fast it happens to be at the moment."""

import os
import time
from pathlib import Path
from statistics import median

import numpy as np

from tests.benchmarks.figures import Figures

_SIDE, _ROUNDS = 512, 7
_CPU_INFO = Path("/proc/cpuinfo")


def pulse() -> Figures:
    """Time one fixed matrix product (512 x 512 x 512, float32, one thread), in microseconds; takes some 50 ms.

    It never changes, so figures of two runs or of two minutes can be told apart from their machine: more CPU time
    means a slower core (a busy sibling, a lower clock rate), more time by the clock alone means that others run.
    """
    left = np.random.default_rng(7).random((_SIDE, _SIDE), np.float32)
    right, out = left.copy(), np.empty_like(left)
    np.matmul(left, right, out)
    clock, cpu = [], []
    for _ in range(_ROUNDS):
        started, busy = time.perf_counter(), time.process_time()
        np.matmul(left, right, out)
        clock.append(time.perf_counter() - started)
        cpu.append(time.process_time() - busy)
    return {"machine_gemm_us": 1e6 * median(clock), "machine_gemm_cpu_us": 1e6 * median(cpu)}


def description() -> str:
    """Return the CPU's name and the cores that this process may use."""
    cores = len(os.sched_getaffinity(0))
    return f"{cpu_model(_CPU_INFO.read_text())}, {cores} core{'s' if cores > 1 else ''}"


def cpu_model(cpu_info: str) -> str:
    """Return the CPU's name from the text of ``/proc/cpuinfo``."""
    for line in cpu_info.splitlines():
        field, _, value = line.partition(":")
        if field.strip() == "model name":
            return value.strip()
    return "an unnamed CPU"
