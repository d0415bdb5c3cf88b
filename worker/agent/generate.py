"""`POST /generate`: one pack, one photo, one picture back, in one request."""

import asyncio
import base64
import binascii
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from uuid import uuid4

import structlog
from pydantic import BaseModel, ConfigDict, Field

from comfy_graphs import GraphPack, bind, complete, load_pack
from comfy_graphs.manifest import Value
from rekindle.errors import (
    ComfyUnavailable,
    DeadlineExceeded,
    EmptyPhoto,
    InvalidRequest,
    PhotoTooLarge,
    PodGone,
    PromptLost,
    RekindleError,
    ResultUnreadable,
    UnsupportedPhotoType,
)
from rekindle.ports.comfy import Comfy, OutputFile, PromptEnd, Whereabouts
from worker.agent.gate import PromptGate

_LOG = structlog.get_logger(__name__)
_IMAGE = "image"
_LARGEST_SEED = 2**53 - 1
_POLL_SECONDS = 0.25
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


class GenerateRequest(BaseModel):
    """What to make.

    Attributes:
        workflow: a pack's name.
        params: the pack's parameters by name, and `image`: the photo in base64, or the name that
            `/upload/image` answered with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    workflow: str = Field(max_length=100)
    params: dict[str, bool | int | float | str] = {}


class GenerateReply(BaseModel):
    """What became of it.

    Attributes:
        image: the first picture, base64.
        error: the code of what went wrong.
    """

    status: Literal["done", "failed"]
    image: str | None = None
    error: str | None = None


class Generator:
    """Runs packs while somebody waits."""

    def __init__(
        self, comfy: Comfy, gate: PromptGate, *, seconds: float, max_image_bytes: int
    ) -> None:
        """Run on this server.

        Args:
            seconds: longest run, so that the pod proxy, which cuts at 100 s, never does.
            max_image_bytes: of the decoded photo.
        """
        self._comfy = comfy
        self._gate = gate
        self._seconds = seconds
        self._max_image_bytes = max_image_bytes

    async def run(self, asked: GenerateRequest) -> tuple[int, GenerateReply]:
        """The HTTP status and what became of it; a prompt that took too long is cancelled."""
        try:
            picture = await self._picture(asked)
        except RekindleError as error:
            _LOG.info("generate_failed", code=error.code, why=str(error))
            return error.status, GenerateReply(status="failed", error=error.code)
        return 200, GenerateReply(status="done", image=base64.b64encode(picture).decode())

    async def _picture(self, asked: GenerateRequest) -> bytes:
        pack = load_pack(asked.workflow)
        given = {name: value for name, value in asked.params.items() if name != _IMAGE}
        wants_photo = _IMAGE in asked.params or pack.manifest.blank is None
        seed = secrets.randbelow(_LARGEST_SEED)
        values = complete(pack, given, seed=seed, has_photo=wants_photo)
        photo = self._photo(asked.params.get(_IMAGE)) if wants_photo else None
        run = _Run(self._comfy, pack, values)
        with self._gate.passing(), tempfile.TemporaryDirectory(prefix="rekindle-") as scratch:
            try:
                async with asyncio.timeout(self._seconds):
                    return await run.picture(photo, Path(scratch))
            except TimeoutError as error:
                await run.cancel()
                raise DeadlineExceeded(f"{self._seconds} s") from error

    def _photo(self, given: Value | None) -> bytes | str:
        """The photo's bytes, or the name of one that was uploaded."""
        if not isinstance(given, str) or not given:
            raise InvalidRequest("params.image is missing: base64, or an uploaded photo's name")
        if given.startswith("data:"):
            given = given.partition(",")[2]
        elif "." in given:  # no letter of base64
            return given
        if len(given) > self._max_image_bytes * 4 // 3 + 4:
            raise PhotoTooLarge
        try:
            photo = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidRequest("params.image is not base64") from error
        if not photo:
            raise EmptyPhoto
        return photo


class _Run:
    """One prompt."""

    def __init__(self, comfy: Comfy, pack: GraphPack, values: Mapping[str, Value]) -> None:
        self._comfy = comfy
        self._pack = pack
        self._values = values
        self._prompt_id = uuid4()

    async def picture(self, photo: bytes | str | None, scratch: Path) -> bytes:
        """The first picture that the pack makes of a photo, or without one."""
        name = await self._upload(photo, scratch) if isinstance(photo, bytes) else photo
        prefix = f"generate/{self._prompt_id}/out"
        bound = bind(self._pack, self._values, photo=name, filename_prefix=prefix)
        await self._comfy.submit(self._prompt_id, bound.graph, client_id=str(self._prompt_id))
        file = _first_picture(await self._ended(), bound.output_node)
        await self._comfy.fetch(file, scratch / "picture")
        await self._comfy.forget(self._prompt_id)
        return (scratch / "picture").read_bytes()

    async def cancel(self) -> None:
        """Stop it, if it ever began."""
        try:
            async with asyncio.timeout(5):
                await self._comfy.cancel(self._prompt_id)
        except (ComfyUnavailable, PodGone, TimeoutError) as error:
            _LOG.warning("generate_not_cancelled", why=repr(error))

    async def _upload(self, photo: bytes, scratch: Path) -> str:
        local = scratch / "photo"
        local.write_bytes(photo)
        name = f"{self._prompt_id}{_extension(photo)}"
        return await self._comfy.upload(local, folder="generate", name=name)

    async def _ended(self) -> PromptEnd:
        while True:
            status = await self._comfy.status(self._prompt_id)
            if status.place is Whereabouts.UNKNOWN:
                raise PromptLost
            if status.end is not None:
                return status.end
            await asyncio.sleep(_POLL_SECONDS)


def _first_picture(end: PromptEnd, output_node: str) -> OutputFile:
    end.demand_success()
    for file in end.files:
        if file.node == output_node and file.filename.lower().endswith(_PICTURES):
            return file
    raise ResultUnreadable("the graph made no picture")


def _extension(photo: bytes) -> str:
    """By content: ComfyUI stores anything, and fails when it is opened."""
    if photo.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if photo.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return ".webp"
    raise UnsupportedPhotoType("PNG, JPEG or WebP")
