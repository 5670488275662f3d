"""JSON that is nested as deeply as a test wants."""


def stranger_in(valid: bytes, value: bytes) -> bytes:
    """Return an object with a field more, which nobody asked for."""
    return valid.rstrip().removesuffix(b"}") + b',"stranger":%s}' % value


def nested(depth: int) -> bytes:
    """Return arrays and objects that lie in each other."""
    return b'[{"a":' * (depth // 2) + b"[" * (depth % 2) + b"1" + b"]" * (depth % 2) + b"}]" * (depth // 2)
