"""Choosing each user's best videos while the scores are still near the core; compiled.

Users and videos are taken in blocks whose scores, a matrix product, stay in a core's cache. A user's *threshold* is a
score that at least n videos seen so far reach. It comes from the first block, which is split into 4 n groups: the
n-th largest of the groups' maxima is reached in n groups. Only what reaches the threshold is kept of a block, and what
is kept is thinned out when it becomes too much, which raises the threshold. Nearly all of a block is thus dropped by
one comparison a score, and memory does not grow with the number of videos.

A matrix product's last bits depend on its shape. Its scores therefore only find candidates, with a slack below the
threshold that covers the rounding of both; the candidates' scores are then computed one by one, always in the same
order of summing.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.numerics.compiled import compiled, compiled_sum

_GROUPS_PER_RESULT: Final = 4  # more groups: a dearer threshold, fewer candidates
_STRIP: Final = 64  # scores looked at together: most strips hold nothing that counts
_LOWEST: Final = np.finfo(np.float32).min  # every score but minus infinity reaches it
_ALL_BUT_SIGN: Final = np.int32(0x7FFFFFFF)
_LOW_HALF: Final = np.uint64(0xFFFFFFFF)
NO_CANDIDATE: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Stands behind a user's last candidate, and is larger than any."""


class WorkSpace(NamedTuple):
    """What blocks of users need one after the other: new memory for each would cost as much as the choice itself."""

    scores: NDArray[np.float32]
    found: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, users: int, width: int, n: int) -> "WorkSpace":
        """Return what the n best of blocks of `users` and `width` videos need."""
        room = users, 4 * n + width
        return cls(np.empty(users * width, np.float32), np.empty(room, np.int32), np.empty(room, np.float32))


def candidates_at_most(n: int) -> int:
    """Return for how many candidates of a user `find_candidates` needs room."""
    return n + n // 2 + 8


@compiled
def find_candidates(
    users: NDArray[np.float32],
    videos: NDArray[np.float32],
    transposed: NDArray[np.float32],
    width: int,
    slacks: NDArray[np.float32],
    n: int,
    excluded: NDArray[np.int32],
    excluded_from: NDArray[np.int64],
    excluded_to: NDArray[np.int64],
    work: "WorkSpace",
    keys: NDArray[np.uint64],
) -> None:
    """Find candidates for the n best videos of a block of users; the n best are among them.

    Parameters
    ----------
    users, videos : float32 (m, k), (n_videos, k)
        C-contiguous.
    transposed : float32 (n_videos k,)
        Empty, or the blocks of videos, each transposed to (k, size) and C-contiguous, one after the other.
    width, n : int
        Videos in a block, at most n_videos; how many are wanted, at least 1.
    slacks : float32 (m,)
        How much lower than a threshold a matrix product may put a score that reaches it.
    excluded, excluded_from, excluded_to : int32, int64 (m,), int64 (m,)
        User j must not get the rows ``excluded[excluded_from[j]:excluded_to[j]]``, which ascend.
    work, keys : WorkSpace, uint64 (m, candidates_at_most(n))
        Written. `keys`: a user's candidates as integers, in no order, and then `NO_CANDIDATE`. A candidate's upper
        half is its score, mapped so that larger scores come first (see `scores_of`), the lower half its row.
    """
    m, n_videos = len(users), len(videos)
    keep, room = 4 * n, keys.shape[1]
    block, found, values = work
    counts = np.zeros(m, np.int64)
    thresholds = np.full(m, _LOWEST, np.float32)
    gone = excluded_from.copy()
    maxima = np.empty(_GROUPS_PER_RESULT * n, np.float32)
    ordered = np.empty(max(keep + width, len(maxima)), np.int32)
    exact = np.empty(keep + width, np.uint64)
    for start in range(0, n_videos, width):
        size = min(width, n_videos - start)
        product = _product(users, videos, transposed, start, size, block)
        allowed = room if start + size == n_videos else keep
        for user in range(m):
            line = product[user]
            while gone[user] < excluded_to[user] and excluded[gone[user]] < start + size:
                line[excluded[gone[user]] - start] = -np.inf
                gone[user] += 1
            own, scores, slack = found[user], values[user], slacks[user]
            thresholds[user] = _raised(line, n, thresholds[user], slack, maxima, ordered)
            counts[user] = _collect(line, start, thresholds[user], own, scores, counts[user])
            if counts[user] > allowed:
                reached = _reached(scores[: counts[user]], n, ordered) - slack
                thresholds[user] = max(thresholds[user], reached)
                counts[user] = _thin(own, scores, counts[user], thresholds[user])
            if counts[user] > allowed:  # almost equal scores: only their exact values tell which to keep
                counts[user] = _keep_best(users[user], videos, own, scores, counts[user], n, exact)
    _write_keys(users, videos, found, counts, keys)


@compiled
def _write_keys(
    users: NDArray[np.float32],
    videos: NDArray[np.float32],
    found: NDArray[np.int32],
    counts: NDArray[np.int64],
    keys: NDArray[np.uint64],
) -> None:
    """Write the keys of the candidates that were found, `counts` of each user."""
    for user in range(len(users)):
        for at in range(counts[user]):
            keys[user, at] = _key(_dot(users[user], videos[found[user, at]]), found[user, at])
        keys[user, counts[user] :] = NO_CANDIDATE


@compiled
def _product(
    users: NDArray[np.float32],
    videos: NDArray[np.float32],
    transposed: NDArray[np.float32],
    start: int,
    size: int,
    block: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the scores of a block of videos, a view of `block` of shape (m, size)."""
    m, k = users.shape
    product = block[: m * size].reshape(m, size)
    if len(transposed):
        np.dot(users, transposed[start * k : (start + size) * k].reshape(k, size), product)
    else:
        np.dot(users, videos[start : start + size].T, product)
    return product


def rows_of(keys: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the rows that are the lower halves of candidates' keys."""
    return keys.astype(np.uint32).view(np.int32)


def scores_of(keys: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Return the scores that are the upper halves of candidates' keys.

    The bits of floats from 0 on ascend with them, so all but the sign is flipped; those below 0 descend already, and
    are larger for their sign.
    """
    bits = (keys >> np.uint64(32)).astype(np.uint32).view(np.int32)
    return np.where(bits < 0, bits, bits ^ _ALL_BUT_SIGN).view(np.float32)


@compiled
def dots(user: NDArray[np.float32], videos: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the dot products of one user (k,) and n videos (n, k) to `out` (n,), each the same bits for any n."""
    for row in range(len(videos)):
        out[row] = _dot(user, videos[row])


@compiled_sum
def _dot(one: NDArray[np.float32], other: NDArray[np.float32]) -> Any:
    """Return the dot product; its order of summing depends on the length alone."""
    total = np.float32(0)
    for at in range(len(one)):
        total += one[at] * other[at]
    return total


@compiled
def _key(score: Any, row: int) -> Any:
    bits = np.array([score + np.float32(0)], np.float32).view(np.int32)[0]  # -0 + 0 is 0
    descending = bits if bits < 0 else bits ^ _ALL_BUT_SIGN
    return (np.uint64(np.uint32(descending)) << np.uint64(32)) | np.uint64(row)


@compiled
def _raised(
    line: NDArray[np.float32],
    n: int,
    threshold: Any,
    slack: Any,
    maxima: NDArray[np.float32],
    ordered: NDArray[np.int32],
) -> Any:
    """Return the threshold, which the first long enough line sets."""
    if threshold > _LOWEST:
        return threshold
    groups = len(maxima)
    size = len(line) // groups
    if size < 2:
        return _LOWEST
    maxima[:] = line[:groups]
    for first in range(groups, size * groups, groups):
        part = line[first : first + groups]
        for group in range(groups):
            maxima[group] = max(maxima[group], part[group])
    # The n-th largest of the maxima is reached in n groups.
    return max(_reached(maxima, n, ordered) - slack, _LOWEST)


@compiled
def _reached(values: NDArray[np.float32], n: int, ordered: NDArray[np.int32]) -> Any:
    """Return a number that at least n of the values reach, and hardly more unless there are ties; O(len) vector steps.

    Bisection, over integers that are ordered as the floats.
    """
    bits, numbers = values.view(np.int32), ordered[: len(values)]
    for at in range(len(values)):
        numbers[at] = bits[at] if bits[at] >= 0 else bits[at] ^ _ALL_BUT_SIGN
    low, high = np.int64(numbers.min()), np.int64(numbers.max())
    while low < high:
        middle = (low + high + 1) >> 1
        reaching = _count(numbers, np.int32(middle))
        if reaching >= n:
            low = middle
            if reaching <= n + n // 16:
                break
        else:
            high = middle - 1
    lowest = np.int32(low)
    return np.array([lowest if lowest >= 0 else lowest ^ _ALL_BUT_SIGN], np.int32).view(np.float32)[0]


@compiled_sum
def _count(numbers: NDArray[np.int32], threshold: np.int32) -> Any:
    """Count what reaches the threshold; in float32, which is exact below 2^24 and as wide as what is compared."""
    total = np.float32(0)
    for at in range(len(numbers)):
        total += np.float32(numbers[at] >= threshold)
    return total


@compiled
def _collect(
    line: NDArray[np.float32],
    start: int,
    threshold: Any,
    found: NDArray[np.int32],
    values: NDArray[np.float32],
    count: int,
) -> int:
    """Append what reaches the threshold, rows counted from `start`; return the new count."""
    for first in range(0, len(line), _STRIP):
        strip = line[first : first + _STRIP]
        if _reaching(strip, threshold):
            for at in range(len(strip)):
                if strip[at] >= threshold:
                    found[count], values[count] = start + first + at, strip[at]
                    count += 1
    return count


@compiled_sum
def _reaching(scores: NDArray[np.float32], threshold: Any) -> Any:
    """Count the scores that reach the threshold, in vector steps."""
    total = np.float32(0)
    for at in range(len(scores)):
        total += np.float32(scores[at] >= threshold)
    return total


@compiled
def _thin(found: NDArray[np.int32], values: NDArray[np.float32], count: int, threshold: Any) -> int:
    """Drop what does not reach the threshold; return the new count."""
    kept = 0
    for at in range(count):
        found[kept], values[kept] = found[at], values[at]
        kept += values[at] >= threshold
    return kept


@compiled
def _keep_best(
    user: NDArray[np.float32],
    videos: NDArray[np.float32],
    found: NDArray[np.int32],
    values: NDArray[np.float32],
    count: int,
    n: int,
    keys: NDArray[np.uint64],
) -> int:
    """Keep only the n candidates of the best exact scores; return how many there are."""
    for at in range(count):
        keys[at] = _key(_dot(user, videos[found[at]]), found[at])
    keys[:count].sort()
    best = min(count, n)
    for at in range(best):
        found[at] = np.int32(keys[at] & _LOW_HALF)
        values[at] = _dot(user, videos[found[at]])
    return best
