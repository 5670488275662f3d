"""What every request goes through: unknown paths and methods, security headers."""

import pytest

from tests.app.query.servers import problem, serving
from tests.app.query.world import World


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/users", "/v1/users//recommendations", "/ui", "/ui/../secrets", "/x"])
async def test_every_other_path_is_404(path: str) -> None:
    async with serving(World()) as client:
        await problem(await client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/models", "GET"),
        ("GET", "/v1/recommendations:batch", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/v1/users/ann", "DELETE, GET"),
    ],
)
async def test_method_that_is_not_allowed(method: str, path: str, allowed: str) -> None:
    async with serving(World()) as client:
        response = await client.request(method, path)
        await problem(response, 405, "method-not-allowed")
        assert response.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/v1/models", "/nowhere", "/ui/"])
async def test_security_headers(path: str) -> None:
    async with serving(World()) as client:
        headers = (await client.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Server"] == "nearline"
