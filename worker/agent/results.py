"""Which files of this pod are results, and `GET /view` for those alone."""

import json
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams

from rekindle.errors import ComfyUnavailable, InvalidRequest, NotFound
from rekindle.ports.relay import ComfyRelay, RelayRequest, WholeReply

_MOST_FILES = 20_000
_LARGEST_HISTORY = 64 << 20
_LATEST = {"max_items": "64"}
_CHANGES = ("preview", "channel")
_KINDS = frozenset({"output", "temp"})


class ResultFile(NamedTuple):
    """A file as ComfyUI names it."""

    kind: str
    subfolder: str
    filename: str


class Results:
    """The files that histories of this ComfyUI have named as outputs.

    A history that was forgotten, or lost in a restart, does not make its files unknown.
    """

    def __init__(self, relay: ComfyRelay, base_directory: Path) -> None:
        """Begin with none.

        Args:
            relay: to ComfyUI.
            base_directory: holds `output` and `temp`.
        """
        self._relay = relay
        self._base = base_directory
        self._named: OrderedDict[ResultFile, None] = OrderedDict()

    async def history(self, path: str) -> WholeReply:
        """A history from ComfyUI, whose files may be fetched from now on."""
        return await self._read(RelayRequest("GET", path))

    async def request(self, asked: QueryParams, headers: Mapping[str, str]) -> RelayRequest:
        """The request for a result.

        Args:
            asked: the query of `GET /view`.
            headers: to pass on.

        Raises:
            InvalidRequest: no file name, two of them, or one that could lead out of its folder.
            NotFound: no history names such a file, or it really lies elsewhere.
        """
        file = _file(asked)
        if file not in self._named:
            # This agent may be younger than the result.
            await self._read(RelayRequest("GET", "/history", query=_LATEST))
        if file not in self._named or not self._is_inside(file):
            raise NotFound
        query = {"filename": file.filename, "subfolder": file.subfolder, "type": file.kind}
        query |= {name: asked[name] for name in _CHANGES if name in asked}
        return RelayRequest("GET", "/view", query=query, headers=headers)

    async def _read(self, asked: RelayRequest) -> WholeReply:
        reply = await self._relay.exchange(asked, max_bytes=_LARGEST_HISTORY)
        try:
            entries = json.loads(reply.body)
        except ValueError as error:
            raise ComfyUnavailable("the history is not JSON") from error
        for file in _named(entries):
            self._named[file] = None
            self._named.move_to_end(file)
        while len(self._named) > _MOST_FILES:
            self._named.popitem(last=False)
        return reply

    def _is_inside(self, file: ResultFile) -> bool:
        """Whether links on the disk leave the file where its name says."""
        folder = os.path.realpath(self._base / file.kind)
        path = os.path.realpath(os.path.join(folder, file.subfolder, file.filename))
        return os.path.commonpath((folder, path)) == folder


def _file(asked: QueryParams) -> ResultFile:
    if any(len(asked.getlist(name)) > 1 for name in ("filename", "subfolder", "type")):
        raise InvalidRequest("one file at a time")
    file = ResultFile(
        asked.get("type", "output"), asked.get("subfolder", ""), asked.get("filename", "")
    )
    if not file.filename or "/" in file.filename or file.kind not in _KINDS:
        raise InvalidRequest("no such kind of file")
    for part in (file.filename, *file.subfolder.split("/")):
        if part in (".", "..") or "\\" in part or "\0" in part:
            raise InvalidRequest("a name must stay in its folder")
    if file.subfolder.startswith("/"):
        raise InvalidRequest("a name must stay in its folder")
    return file


def _named(entries: object) -> Iterator[ResultFile]:
    """The files in histories. Core nodes list them under `images`, others as they please."""
    for entry in _values(entries):
        for results in _values(entry.get("outputs") if isinstance(entry, dict) else None):
            for listed in _values(results):
                for item in listed if isinstance(listed, list) else ():
                    if isinstance(item, dict) and isinstance(item.get("filename"), str):
                        yield _as_file(item)


def _values(found: object) -> list[Any]:
    return list(found.values()) if isinstance(found, dict) else []


def _as_file(item: Mapping[str, Any]) -> ResultFile:
    return ResultFile(
        str(item.get("type", "output")), str(item.get("subfolder", "")), str(item["filename"])
    )
