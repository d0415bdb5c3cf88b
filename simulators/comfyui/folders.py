"""Where files live under the base directory, and how names in a graph become paths."""

from __future__ import annotations

import mimetypes
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

_ANNOTATIONS = ("output", "input", "temp")


class OutsideOutput(Exception):
    """A filename prefix points outside the output folder."""

    wire_name = "Exception"


@dataclass(frozen=True)
class SaveTarget:
    """Where a saving node writes next.

    Attributes:
        folder: Absolute folder, already made.
        stem: File name without counter and extension; may hold ``%batch_num%``.
        counter: First free number.
        subfolder: Folder relative to the output or temp folder, as reported to clients.
    """

    folder: str
    stem: str
    counter: int
    subfolder: str

    def file_name(self, extension: str, offset: int = 0) -> str:
        """Name of the file with the next number plus ``offset``, such as ``out_00001_.png``."""
        stem = self.stem.replace("%batch_num%", str(offset))
        return f"{stem}_{self.counter + offset:05}_.{extension}"


class Folders:
    """The input, output, temp, models and user folders below one base directory."""

    def __init__(self, base: Path) -> None:
        self.base = Path(os.path.abspath(base))
        self.input = self.base / "input"
        self.output = self.base / "output"
        self.temp = self.base / "temp"
        self.models = self.base / "models"
        self.user = self.base / "user"

    def prepare(self) -> None:
        """Make the folders and empty temp, as a starting ComfyUI does."""
        shutil.rmtree(self.temp, ignore_errors=True)
        for folder in (self.input, self.output, self.temp, self.models, self.user):
            folder.mkdir(parents=True, exist_ok=True)

    def by_type(self, name: str) -> Path | None:
        """The folder behind ``type=output|input|temp``, or None for any other word."""
        return {"output": self.output, "input": self.input, "temp": self.temp}.get(name)

    def split_annotation(self, name: str) -> tuple[str, Path | None]:
        """Split ``"a.png [output]"`` into the name and its folder; no folder without annotation."""
        for word in _ANNOTATIONS:
            if name.endswith(f"[{word}]"):
                return name[: -len(word) - 3], self.by_type(word)
        return name, None

    def source_path(self, name: str) -> str:
        """Path that a loading node reads; absolute names and ``..`` are followed, as measured."""
        bare, folder = self.split_annotation(name)
        return os.path.join(folder or self.input, bare)

    def input_files(self, kind: str | None = None) -> list[str]:
        """Files directly in the input folder, sorted; ``kind`` keeps one MIME main type."""
        names = sorted(entry.name for entry in os.scandir(self.input) if entry.is_file())
        if kind is None:
            return names
        return [name for name in names if (_mime(name) or "").startswith(f"{kind}/")]

    def save_target(self, prefix: str, folder: Path, width: int = 0, height: int = 0) -> SaveTarget:
        """Resolve a ``filename_prefix`` below ``folder`` and find its next number.

        Raises:
            OutsideOutput: The prefix leaves ``folder``.
        """
        prefix = os.path.normpath(_fill_in(prefix, width, height))
        subfolder, stem = os.path.split(prefix)
        target = os.path.abspath(os.path.join(folder, subfolder))
        if os.path.commonpath((str(folder), target)) != str(folder):
            raise OutsideOutput(
                "**** ERROR: Saving image outside the output folder is not allowed."
                f"\n full_output_folder: {target}\n         output_dir: {folder}"
                f"\n         commonpath: {os.path.commonpath((str(folder), target))}"
            )
        os.makedirs(target, exist_ok=True)
        return SaveTarget(target, stem, _next_number(target, stem), subfolder)


def _mime(name: str) -> str | None:
    if name.endswith(".webp"):
        return "image/webp"
    return mimetypes.guess_type(name, strict=False)[0]


def _fill_in(prefix: str, width: int, height: int) -> str:
    if "%" not in prefix:
        return prefix
    values = {"width": str(width), "height": str(height)}
    formats = {"year": "Y", "month": "m", "day": "d", "hour": "H", "minute": "M", "second": "S"}
    now = time.localtime()
    values |= {word: time.strftime(f"%{code}", now) for word, code in formats.items()}
    for word, value in values.items():
        prefix = prefix.replace(f"%{word}%", value)
    return prefix


def _next_number(folder: str, stem: str) -> int:
    """One more than the highest number among ``{stem}_{number}_*`` in ``folder``."""
    highest = 0
    start = f"{stem}_"
    for entry in os.scandir(folder):
        if entry.name.startswith(start):
            digits = entry.name[len(start) :].split("_")[0]
            highest = max(highest, int(digits) if digits.isdigit() else 0)
    return highest + 1
