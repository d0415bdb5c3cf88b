"""One volume's files as objects: a key is a path below the volume's folder."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from simulators.runpod.s3.refusal import Refusal, not_found


@dataclass(frozen=True)
class Found:
    """An object.

    Attributes:
        etag: MD5 in hex, or S3's mark of a multipart upload.
        modified: When it was last written, aware.
    """

    key: str
    path: Path
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True)
class Upload:
    """A multipart upload that has not ended."""

    id: str
    key: str
    begun: datetime


class VolumeFolder:
    """The files of a volume, which its pods see under their mount path.

    Args:
        folder: Of the volume.
        scratch: Beside it on the same disk: parts, and files that are not whole yet.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = folder
        self._scratch = scratch
        self._etags: dict[Path, tuple[tuple[int, int, int], str]] = {}

    def path(self, key: str) -> Path:
        """Where an object's file is, or would be.

        Raises:
            Refusal: The key is no relative path.
        """
        parts = key.split("/")
        if "\0" in key or any(part in ("", ".", "..") for part in parts):
            raise Refusal(400, "InvalidArgument", "A key is the path of a file on the volume.")
        return self._folder.joinpath(*parts)

    def get(self, key: str) -> Found:
        """An object; 404 when there is none."""
        path = self.path(key)
        if not path.is_file():
            raise not_found("Key", key)
        return self._found(key, path)

    def all(self, prefix: str) -> Iterator[Found]:
        """Objects whose keys begin so, in the order of their keys."""
        for key, path in sorted(self._walk()):
            if key.startswith(prefix):
                yield self._found(key, path)

    def fresh(self) -> Path:
        """A new file's place, for content that is not whole yet."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch / secrets.token_hex(8)

    def put(self, key: str, content: Path, etag: str) -> Found:
        """Let a whole file be the object; it is moved."""
        path = self.path(key)
        if path.is_dir():
            raise Refusal(400, "InvalidArgument", "There is a folder of this name.")
        path.parent.mkdir(parents=True, exist_ok=True)
        content.replace(path)
        self._etags[path] = (_stamp(path), etag)
        return self._found(key, path)

    def copy(self, source: Found, key: str) -> Found:
        """Copy an object of this or another volume."""
        content = self.fresh()
        shutil.copyfile(source.path, content)
        return self.put(key, content, source.etag)

    def delete(self, key: str) -> None:
        """Remove an object, and the folders that it leaves empty. Idempotent."""
        path = self.path(key)
        if not path.is_file():
            return
        path.unlink()
        for parent in path.parents:
            if parent == self._folder or any(parent.iterdir()):
                return
            parent.rmdir()

    def begin(self, key: str) -> str:
        """Begin a multipart upload; its id."""
        self.path(key)
        upload = secrets.token_hex(16)
        place = self._scratch / f"upload-{upload}"
        place.mkdir(parents=True)
        (place / "key").write_text(json.dumps(key))
        return upload

    def uploads(self) -> list[Upload]:
        """Uploads that have not ended, by their keys."""
        found = []
        for place in self._scratch.glob("upload-*"):
            told = place / "key"
            begun = datetime.fromtimestamp(told.stat().st_mtime, UTC)
            name = place.name.removeprefix("upload-")
            found.append(Upload(name, json.loads(told.read_text()), begun))
        return sorted(found, key=lambda upload: (upload.key, upload.begun))

    def part(self, key: str, upload: str, number: int) -> Path:
        """Where a part of an upload is, or is to be; 404 when there is no such upload."""
        if not 1 <= number <= 10_000:
            raise Refusal(400, "InvalidArgument", "Part numbers are 1 to 10000.")
        return self._place(key, upload) / f"{number:05d}"

    def complete(self, key: str, upload: str, parts: list[tuple[int, str]]) -> Found:
        """Join the parts of an upload, each named with its ETag."""
        place = self._place(key, upload)
        if not parts or [number for number, _ in parts] != sorted({n for n, _ in parts}):
            raise Refusal(400, "InvalidPartOrder", "Parts must be named once each, in order.")
        content, marks = self.fresh(), b""
        with content.open("wb") as whole:
            for number, etag in parts:
                piece = place / f"{number:05d}"
                if not piece.is_file() or _md5(piece) != etag:
                    content.unlink()
                    raise Refusal(400, "InvalidPart", f"Part {number} is not what it was.")
                marks += bytes.fromhex(etag)
                with piece.open("rb") as file:
                    shutil.copyfileobj(file, whole)
        mark = hashlib.md5(marks, usedforsecurity=False).hexdigest()
        found = self.put(key, content, f"{mark}-{len(parts)}")
        shutil.rmtree(place)
        return found

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload."""
        shutil.rmtree(self._place(key, upload))

    def _place(self, key: str, upload: str) -> Path:
        known = any(each.id == upload and each.key == key for each in self.uploads())
        if not known:
            raise not_found("Upload", upload)
        return self._scratch / f"upload-{upload}"

    def _walk(self) -> Iterator[tuple[str, Path]]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                if path.is_file():
                    yield path.relative_to(self._folder).as_posix(), path

    def _found(self, key: str, path: Path) -> Found:
        stamp = _stamp(path)
        known = self._etags.get(path)
        if known is None or known[0] != stamp:  # a pod wrote it
            known = self._etags[path] = (stamp, _md5(path))
        modified = datetime.fromtimestamp(stamp[1] / 1e9, UTC)
        return Found(key, path, stamp[0], known[1], modified)


def _stamp(path: Path) -> tuple[int, int, int]:
    told = path.stat()
    return told.st_size, told.st_mtime_ns, told.st_ino


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
