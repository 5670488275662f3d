"""Loops that are compiled: numba turns a function of arrays and numbers into machine code that needs no interpreter.

A compiled function runs without the interpreter's lock, so queries are answered while a chunk is solved. What it was
compiled to is kept beside its module (or below the user's cache folder) and found again by the module's time stamp.
A compiled function therefore calls only compiled functions of its own module: numba would not notice a change in
another one. A test holds that.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import scipy.linalg.cython_blas  # noqa: F401 - matrix products in compiled code; loaded now, limits of threads reach it
from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile `function` when it is first called with arguments of some types; 0.5 to 3 s each, once on a machine."""
    return cast("_Function", njit(nogil=True, cache=True, error_model="numpy")(function))


def compiled_sum(function: _Function) -> _Function:
    """Compile a function whose sums may be taken in another order, fixed when it is compiled: in vector registers."""
    reordered = njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
    return cast("_Function", reordered(function))
