"""The wheels bundle their C libraries, so what counts is what is loaded, not what is installed."""

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
}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])


@pytest.mark.parametrize("library", FLOORS)
def test_decoding_library_is_at_least_as_new_as_its_last_security_fix(library: str) -> None:
    loaded, floor = FLOORS[library]
    assert loaded is not None
    assert _numbers(loaded) >= _numbers(floor)
