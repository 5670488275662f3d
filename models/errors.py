"""What can go wrong with a model, as one tree.

::

    ModelError                  every failure of this package that a caller may expect
    ├── DescriptionInvalid      model.json cannot be read, or asks for what this code does not have
    ├── FactorsInvalid          factors, ids or popularity do not fit together, or are not finite
    ├── ParameterInvalid        a hyperparameter or a limit is out of its range
    ├── SolveFailed             a user's linear system is not positive definite
    ├── LearningFailed          a learner cannot learn from these interactions
    ├── ArtifactInvalid         a version in the store is damaged, too large or not signed
    │   └── ArtifactMissing     a file of it is not there, or not yet
    ├── StoreUnavailable        the model store does not answer now, which says nothing about any version in it
    └── AnnouncementInvalid     a record of the topic ``models`` is not an announcement

Messages say what was found, where, and what to do.
"""


class ModelError(Exception):
    """Any expected failure of a model; catch this to reject a model and keep the one that serves."""


class DescriptionInvalid(ModelError):
    """``model.json`` cannot be read, or asks for what this code does not have."""


class FactorsInvalid(ModelError):
    """The arrays of a factor model do not fit together, or hold NaN or infinity."""


class ParameterInvalid(ModelError):
    """A hyperparameter or a limit has a value that it may not have."""


class SolveFailed(ModelError):
    """A user's normal equations are not positive definite.

    Parameters
    ----------
    user : int
        Position of the user in the batch, from 0.
    n_videos : int
        Number of videos in that user's history.
    """

    def __init__(self, user: int, n_videos: int) -> None:
        super().__init__(
            f"normal equations of user {user} of the batch ({n_videos} videos) are not positive definite: "
            "raise the regularization, or look for NaN in the factors and confidences"
        )
        self.user = user
        self.n_videos = n_videos


class LearningFailed(ModelError):
    """A learner cannot learn from the interactions that it was given."""


class ArtifactInvalid(ModelError):
    """A version in the model store must not be used.

    Parameters
    ----------
    reason : str
        Why, in one sentence, with the file it concerns.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ArtifactMissing(ArtifactInvalid):
    """A file of a version is not in the model store; it may be on its way there."""


class StoreUnavailable(ModelError):
    """The model store does not answer: try again later, and reject nothing for it."""


class AnnouncementInvalid(ModelError):
    """A record of the topic ``models`` is not an announcement.

    Parameters
    ----------
    reason : str
        Why, in one sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
