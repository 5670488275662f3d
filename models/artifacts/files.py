"""What artifacts need of the place where they lie: four operations on whole files, and its name for messages."""

from typing import Protocol


class ArtifactFiles(Protocol):
    """The files of versions, at paths ``<region>/<version>/<name>``, names as `models.names.is_path` has them.

    A file is there whole or not at all, and what was written is seen by the next call, whoever makes it.
    """

    @property
    def url(self) -> str:
        """The name of the place, fit to be shown."""

    def exists(self, path: str) -> bool:
        """Tell whether there is a file at `path`; a folder is none.

        Raises
        ------
        ArtifactInvalid
            If the path is none, or leads elsewhere.
        StoreUnavailable
            If the place does not answer now.
        """

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return the content of the file at `path`.

        Raises
        ------
        ArtifactInvalid
            If the path is none or leads elsewhere, or the file has more than `max_bytes`; `ArtifactMissing` if there is
            no file.
        StoreUnavailable
            If the place does not answer now.
        """

    def write(self, path: str, content: bytes) -> None:
        """Make `content` the file at `path`, whether or not there is one.

        Raises
        ------
        ArtifactInvalid
            If the path is none, or leads elsewhere.
        StoreUnavailable
            If the place does not answer now.
        OSError
            If the file cannot be written.
        """
