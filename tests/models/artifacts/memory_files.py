from models.errors import ArtifactInvalid, ArtifactMissing
from models.names import is_path


class MemoryFiles:
    """The files of versions in a dictionary, by their paths: all that `models.artifacts` asks of a place."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.written: list[str] = []

    @property
    def url(self) -> str:
        return "memory"

    def exists(self, path: str) -> bool:
        return _checked(path) in self.contents

    def read(self, path: str, max_bytes: int) -> bytes:
        content = self.contents.get(_checked(path))
        if content is None:
            raise ArtifactMissing(f"{path} is missing from {self.url}")
        if len(content) > max_bytes:
            raise ArtifactInvalid(f"{path} has {len(content)} bytes, {max_bytes} are allowed")
        return content

    def write(self, path: str, content: bytes) -> None:
        self.contents[_checked(path)] = bytes(content)
        self.written.append(path)


def _checked(path: str) -> str:
    if not is_path(path):
        raise ArtifactInvalid(f"{path!r} is not a path")
    return path
