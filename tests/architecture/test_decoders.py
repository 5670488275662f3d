"""What decodes a type of its own is made when its module is imported.

msgspec learns a type at its first use, and publishes what it has learned before it is complete: a second thread that
uses the type meanwhile ends the process with a segmentation fault. Two regions' models are read in two threads.
"""

import ast

from tests.architecture.checkout import PACKAGES, modules, parse


def test_no_type_is_learned_at_its_first_use() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in modules(*PACKAGES)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"msgspec.json.decode", "msgspec.msgpack.decode"}
        and any(keyword.arg == "type" for keyword in node.keywords)
    ]
    assert found == []
