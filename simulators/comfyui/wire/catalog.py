"""Routes that tell what the server is and has: nodes, models, features, machine."""

from __future__ import annotations

import os
import sys
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulators.comfyui.engine.engine import Engine
from simulators.comfyui.wire.replies import empty_reply, json_reply

VERSION = "0.3.64"


class CatalogRoutes:
    """Handlers over one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def features(self) -> dict[str, Any]:
        """What the server can do, as clients negotiate it."""
        limit = self._engine.options.max_upload_mb * 1024 * 1024
        return {"supports_preview_metadata": True, "max_upload_size": limit}

    async def get_features(self, _: Request) -> Response:
        """What the server can do."""
        return json_reply(self.features())

    async def system_stats(self, _: Request) -> Response:
        """Version and machine; the readiness check."""
        total, free = _memory()
        system = {
            "os": os.name,
            "ram_total": total,
            "ram_free": free,
            "comfyui_version": VERSION,
            "required_frontend_version": "1.27.10",
            "installed_templates_version": None,
            "required_templates_version": "0.1.95",
            "python_version": sys.version,
            "pytorch_version": "none (simulated)",
            "embedded_python": False,
            "argv": list(self._engine.options.argv),
        }
        device = {
            "name": "cpu",
            "type": "cpu",
            "index": None,
            "vram_total": total,
            "vram_free": free,
            "torch_vram_total": total,
            "torch_vram_free": free,
        }
        return json_reply({"system": system, "devices": [device]})

    async def object_info(self, _: Request) -> Response:
        """All node classes."""
        return json_reply(self._engine.catalog.describe_all())

    async def object_info_of(self, request: Request) -> Response:
        """One node class; ``{}`` for an unknown one."""
        return json_reply(self._engine.catalog.describe(request.path_params["node_class"]))

    async def models(self, _: Request) -> Response:
        """Names of the model folders."""
        return json_reply(self._engine.shelf.folder_names())

    async def models_of(self, request: Request) -> Response:
        """Files of a model folder."""
        folder = request.path_params["folder"]
        if folder not in self._engine.shelf.folder_names():
            return empty_reply(404)
        return json_reply(self._engine.shelf.names(folder))

    async def embeddings(self, _: Request) -> Response:
        """Embeddings, without their extension."""
        names = self._engine.shelf.names("embeddings")
        return json_reply([os.path.splitext(name)[0] for name in names])

    async def extensions(self, _: Request) -> Response:
        """Scripts of the frontend, of which there is none here."""
        return json_reply([])


def _memory() -> tuple[int, int]:
    """Total and available bytes of this machine's memory."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = page * os.sysconf("SC_PHYS_PAGES")
    try:
        return total, page * os.sysconf("SC_AVPHYS_PAGES")
    except ValueError:  # macOS has no such figure
        return total, total
