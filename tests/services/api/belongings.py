"""One of everything that somebody can have at the API."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from api import paths

Belongings = Mapping[str, str]
"""Ids of somebody's own things, by the name that operations have for them."""


async def belongings(
    http: httpx.AsyncClient,
    job: Mapping[str, Any],
    succeed: Callable[[dict[str, Any]], Awaitable[None]],
) -> Belongings:
    """Make one of everything, for whoever is signed in at the client.

    Args:
        http: a client of the API, which has something to sell.
        job: of the same user.
        succeed: lets an attempt succeed.
    """

    async def made(path: str, body: Any = None) -> dict[str, Any]:
        reply = await http.post(path, json=body)
        assert reply.is_success, (path, reply.text)
        document: dict[str, Any] = reply.json()
        return document

    restoration = await made(job["links"]["restore"])
    await succeed(restoration)
    animation = await made(job["links"]["animate"])
    await succeed(animation)
    task = await made(paths.GENERATE, {"prompt": "A harbour at dawn."})
    [generation] = (await http.get(task["links"]["job"])).json()["generations"]
    order = await made(job["links"]["checkout"], {"attempt_id": restoration["id"]})
    key = await made(paths.API_KEYS, {"name": "mine"})
    endpoint = await made(paths.WEBHOOK_ENDPOINTS, {"url": "https://mine.example/hook"})
    upload = await made(paths.UPLOADS, {"content_type": "image/jpeg"})
    album = await made(paths.ALBUMS, {"job_ids": [job["id"]]})
    return {
        "album_id": album["id"],
        "job_id": job["id"],
        "attempt_id": restoration["id"],
        "restore_id": restoration["id"],
        "animation_id": animation["id"],
        "generation_id": generation["id"],
        "generated_job_id": task["task_id"],
        "order_id": order["id"],
        "key_id": key["id"],
        "endpoint_id": endpoint["id"],
        "upload_id": upload["id"],
    }
