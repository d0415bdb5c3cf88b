"""What runs in the pods of these tests: a small server. Run with the port as its argument."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

# It leaves the pod's process group and session, as a badly behaved daemon does.
DAEMON = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], process_group=0)
released = asyncio.Event()
walked_away = asyncio.Event()


async def about(request: Request) -> Response:
    told = {
        "env": dict(os.environ),
        "cwd": str(Path.cwd()),
        "pids": [os.getpid(), DAEMON.pid],
        "headers": dict(request.headers),
        "has_walked_away": walked_away.is_set(),
        "path": request.scope["raw_path"].decode(),
        "query": request.url.query,
    }
    return JSONResponse(told)


class Echo:
    """Sends each part of the body back as it comes, with the status that was asked for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = int(dict(scope["headers"])[b"x-status"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        has_more = True
        while has_more:
            part = await receive()
            has_more = part.get("more_body", False)
            await send({**part, "type": "http.response.body", "more_body": has_more})


async def hold(request: Request) -> Response:
    """Send a first part if asked to, then wait to be released."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"first "
        try:
            await released.wait()
        except asyncio.CancelledError:
            walked_away.set()
            raise
        yield b"last"

    if "part" in request.query_params:
        return StreamingResponse(parts())
    await released.wait()
    return PlainTextResponse("released")


async def release(_: Request) -> Response:
    released.set()
    return Response()


async def accept_prompt(_: Request) -> Response:
    return JSONResponse({"prompt_id": "p"})


async def leave(_: Request) -> Response:
    os._exit(3)


async def give_back(_: Request) -> Response:
    """Do what a dead-man's switch does."""
    address = f"{os.environ['RUNPOD_API_URL']}/v2/pods/{os.environ['RUNPOD_POD_ID']}"
    headers = {"Authorization": f"Bearer {os.environ['RUNPOD_API_KEY']}"}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        reply = await http.delete(address, headers=headers)
    return PlainTextResponse(str(reply.status_code))


async def talk(socket: WebSocket) -> None:
    """Return what comes; the word "bye" ends it with a code of its own."""
    await socket.accept(
        subprotocol="rekindle" if "rekindle" in socket.scope["subprotocols"] else None
    )
    await socket.send_text(socket.url.query)
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") == "bye":
                await socket.close(4001)
                return
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        pass


app = Starlette(
    routes=[
        Route("/about/{rest:path}", about),
        Route("/echo", Echo()),
        Route("/hold", hold),
        Route("/release", release, methods=["POST"]),
        Route("/prompt", accept_prompt, methods=["POST"]),
        Route("/leave", leave, methods=["POST"]),
        Route("/give-back", give_back, methods=["POST"]),
        WebSocketRoute("/talk", talk),
    ]
)

if __name__ == "__main__":
    print("the program starts", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
