"""``nearline query``: what a running worker recommends."""

import asyncio
from typing import Annotated, Any

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.output import show_json, show_line, show_rows

_TIMEOUT_SECONDS = 10.0


def query(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.")],
    url: Annotated[str, typer.Option(help="Any worker.")] = "http://127.0.0.1:8080",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many videos.")] = 20,
    json: JsonOption = False,
) -> None:
    """Ask a worker for USER's recommendations, with the first of the keys in the settings (http.read_keys), if any."""
    http = quiet_settings(context).settings.http
    keys = [key.get_secret_value() for key in (*http.read_keys, *http.admin_keys)]
    answer = asyncio.run(_recommendations(url, user, limit, keys[0] if keys else None))
    if json:
        show_json(answer)
        return
    stale = ", stale" if answer.get("stale") else ""
    show_line(f"{user}: {answer.get('source')}{stale}, model {answer.get('model_version') or 'none'}")
    rows = [
        (place, item.get("title") or item["video_id"], item["video_id"], f"{item['score']:.4f}")
        for place, item in enumerate(answer["items"], start=1)
    ]
    show_rows(("", "title", "video", "score"), rows)


async def _recommendations(url: str, user: str, limit: int, key: str | None) -> dict[str, Any]:
    from urllib.parse import quote

    import aiohttp

    from app.offline.errors import JobFailed

    address = f"{url.rstrip('/')}/v1/users/{quote(user, safe='')}/recommendations"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(address, params={"limit": limit}) as response,
        ):
            body = await response.json(content_type=None)
            status = response.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise JobFailed(f"no answer from {url}: {error or type(error).__name__}; is a worker running there?") from error
    if status != 200 or not isinstance(body, dict):
        problem = body if isinstance(body, dict) else {}
        raise JobFailed(
            f"{url} answered {status}: {problem.get('detail') or problem.get('title') or 'no reason given'}"
        )
    return body
