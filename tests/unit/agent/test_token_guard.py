"""Who counts as a holder of the token, and so keeps the pod alive."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from worker.agent.guard import TokenGuard

TOKEN = "t" * 32


class Holders:
    count = 0

    def heard(self) -> None:
        self.count += 1


async def behind(_: Request) -> PlainTextResponse:
    return PlainTextResponse("behind")


@pytest.mark.parametrize(
    ("method", "path", "header", "status", "heard"),
    [
        ("GET", "/health", None, 200, 0),
        ("GET", "/health", "Bearer wrong", 200, 0),
        ("GET", "/health", f"Bearer {TOKEN}", 200, 1),
        ("GET", "/queue", f"Bearer {TOKEN}", 200, 1),
        ("GET", "/queue", f"bearer {TOKEN}", 200, 1),
        ("GET", "/queue", f"Bearer  {TOKEN}", 401, 0),
        ("GET", "/queue", f"Bearer {TOKEN} x", 401, 0),
        ("GET", "/queue", None, 401, 0),
        ("POST", "/health", None, 401, 0),
    ],
)
async def test_only_a_request_with_the_token_counts(
    method: str, path: str, header: str | None, status: int, heard: int
) -> None:
    holders = Holders()
    routes = [Route("/health", behind), Route("/queue", behind)]
    app = TokenGuard(Starlette(routes=routes), token=TOKEN, on_holder=holders.heard)
    headers = {"Authorization": header} if header else {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://pod", headers=headers
    ) as http:
        reply = await http.request(method, path)
    assert (reply.status_code, holders.count) == (status, heard)
    if status == 401:
        assert reply.headers["www-authenticate"].startswith("Bearer")
        assert TOKEN not in reply.text
