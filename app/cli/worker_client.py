"""Asking a running worker over HTTP: one request, and a sentence where the answer is no."""

from collections.abc import Mapping
from typing import Any, Literal


async def ask_worker(
    method: Literal["GET", "POST", "DELETE"],
    url: str,
    path: tuple[str, ...],
    key: str | None,
    seconds: float,
    *,
    params: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the JSON object that a worker answers.

    Parameters
    ----------
    url : of any worker.
    path : the parts below it, not yet quoted.
    key : API key, if one is needed.
    seconds : deadline of the whole exchange.
    params : the query string.

    Raises
    ------
    JobFailed
        When there is no answer, or another one.
    """
    from urllib.parse import quote

    import aiohttp
    from yarl import URL

    from app.errors import JobFailed

    address = "/".join((url.rstrip("/"), *(quote(part, safe="") for part in path)))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            # as it is: two dots are an id, and not the way up
            session.request(method, URL(address, encoded=True), params=params) as response,
        ):
            status = response.status
            body = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise JobFailed(f"no answer from {url}: {error or type(error).__name__}; is a worker running there?") from error
    if status not in {200, 202} or not isinstance(body, dict):
        problem = body if isinstance(body, dict) else {}
        raise JobFailed(
            f"{url} answered {status}: {problem.get('detail') or problem.get('title') or 'no reason given'}"
        )
    return body
