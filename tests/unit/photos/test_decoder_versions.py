"""The wheels bundle their C libraries, so what counts is what is loaded, not what is installed.

The floors are those of the security reference, section 1; advisories move, so they are looked at
anew with every release.
"""

import importlib
import re
from pathlib import Path

import joserfc
import PIL
import pillow_heif
import pytest
from PIL import features

FLOORS = {
    # CVE-2026-112403 and CVE-2026-112398: heap overflows in the JPEG decoder below 13.0.0.
    "Pillow": (PIL.__version__, "13.0.0"),
    # CVE-2026-4775: heap write below 4.7.2. TIFF is not accepted, but the library is loaded.
    "libtiff": (features.version("libtiff"), "4.7.2"),
    # CVE-2026-84383: heap write through nested alpha items, from 1.22.0 until 1.23.2;
    # CVE-2026-84450: endless alpha references below 1.23.3.
    "libheif": (pillow_heif.libheif_version(), "1.23.3"),
    # The first wheel with libheif 1.23.6 and libde265 1.1.3.
    "pillow_heif": (pillow_heif.__version__, "1.8.1"),
    "libde265": (pillow_heif.libheif_info()["decoders"].get("libde265"), "1.1.3"),
    # Tokens are verified by joserfc; no older version was looked at.
    "authlib": (importlib.import_module("authlib").__version__, "1.9.6"),  # it has no types
    "joserfc": (joserfc.__version__, "1.8.0"),
}


def _numbers(version: str) -> tuple[int, ...]:
    """The three numbers in a text such as `libde265 HEVC decoder, version 1.1.3`."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    assert found is not None, version
    return tuple(int(part) for part in found.groups())


@pytest.mark.parametrize("library", FLOORS)
def test_library_is_at_least_as_new_as_its_last_security_fix(library: str) -> None:
    loaded, floor = FLOORS[library]
    assert loaded is not None
    assert _numbers(loaded) >= _numbers(floor)


def test_the_floors_are_those_that_an_installation_keeps() -> None:
    declared = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    for name in ("pillow", "pillow-heif", "authlib", "joserfc"):
        floor = next(value for key, (_, value) in FLOORS.items() if _same(key, name))
        wanted = re.search(rf'"{name}>=([0-9.]+)"', declared)
        assert wanted is not None, name
        assert _numbers(wanted[1] + ".0") >= _numbers(floor), name


def _same(library: str, package: str) -> bool:
    return library.lower().replace("_", "-") == package
