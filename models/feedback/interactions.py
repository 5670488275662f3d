"""Interactions: what many users did, as the sparse matrix that learners learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.feedback.confidence import ConfidenceRule, KnownFacts
from models.feedback.history import History
from models.feedback.video_index import VideoIndex


@dataclass(frozen=True, eq=False)
class Interactions:
    """Confidences of users (rows) and videos (columns), a CSR matrix with names.

    Parameters
    ----------
    user_ids, video_ids : tuple of str
        Names of the n_users rows and the n_videos columns.
    indptr : int64 (n_users + 1,)
        User ``j`` owns the entries ``indptr[j]:indptr[j + 1]``.
    rows : int32 (nnz,)
        The video of each entry, that is, its row in the video factors; ascending and unique in a user.
    confidences : float32 (nnz,)
        Above 0.
    """

    user_ids: tuple[str, ...]
    video_ids: tuple[str, ...]
    indptr: NDArray[np.int64]
    rows: NDArray[np.int32]
    confidences: NDArray[np.float32]

    @classmethod
    def from_histories(
        cls,
        user_ids: Sequence[str],
        histories: Sequence[History],
        rule: ConfidenceRule,
        *,
        min_users_per_video: int = 1,
    ) -> "Interactions":
        """Apply the rule to each user's history; video ids are in ascending order.

        Videos for which fewer than ``min_users_per_video`` users have a confidence are left out. All users stay, also
        those of whom nothing is left.
        """
        ids = tuple(sorted({video for history in histories for video in history.videos}))
        known = KnownFacts.of(histories, VideoIndex(ids))
        indptr, rows, confidences = rule.matrix(known)
        kept = np.bincount(rows, minlength=len(ids)) >= max(1, min_users_per_video)
        new_rows = np.cumsum(kept, dtype=np.int32) - 1
        entries = kept[rows]
        ends = np.concatenate(([0], np.cumsum(entries)))[indptr]
        kept_ids = tuple(video for video, keep in zip(ids, kept.tolist(), strict=True) if keep)
        return cls(tuple(user_ids), kept_ids, ends, new_rows[rows[entries]], confidences[entries])

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def n_videos(self) -> int:
        """Number of videos."""
        return len(self.video_ids)

    def popularity(self) -> NDArray[np.float32]:
        """Return the number of users of each video, float32 (n_videos,)."""
        return np.bincount(self.rows, minlength=self.n_videos).astype(np.float32)

    def transposed(self) -> "Interactions":
        """Return the same entries by video: rows are videos, columns are users. O(nnz log nnz)."""
        order = np.argsort(self.rows, kind="stable")  # stable: users ascend in a video
        users = np.repeat(np.arange(self.n_users, dtype=np.int32), np.diff(self.indptr))
        counts = np.bincount(self.rows, minlength=self.n_videos)
        indptr = np.concatenate(([0], np.cumsum(counts)))
        return Interactions(self.video_ids, self.user_ids, indptr, users[order], self.confidences[order])
