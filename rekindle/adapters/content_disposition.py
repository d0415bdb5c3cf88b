"""How a browser is told under which name to save an object (RFC 6266, RFC 8187)."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

_LONGEST = 120
"""Characters of a name: file systems take 255 bytes, and one character may be four of them."""
_LONGEST_SUFFIX = 10
_UNNAMED = "download"
_BESIDE_PLAIN = re.compile(r"[^A-Za-z0-9 ._()+@=,&!-]")
"""Whatever a quoted string would have to escape, and `%`, which some browsers decode."""


def attachment(filename: str) -> str:
    """The header value that saves a download under a name. Printable ASCII, whatever the name.

    Args:
        filename: may come from a stranger. Folders, control characters (line breaks above all)
            and invisible ones (such as marks that reverse the direction of writing) are left out,
            and what is too long is cut before its suffix.
    """
    name = _cleaned(filename)
    plain = _BESIDE_PLAIN.sub("_", name)
    value = f'attachment; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def _cleaned(filename: str) -> str:
    last = re.split(r"[/\\]", filename)[-1]
    # Categories of Unicode: C is control, format, surrogate, private or unassigned; Zl and Zp
    # are separators of lines and paragraphs.
    seen = "".join(
        character
        for character in last
        if not unicodedata.category(character).startswith(("C", "Zl", "Zp"))
    )
    name = seen.strip(" .")
    if len(name) > _LONGEST:
        suffix = PurePosixPath(name).suffix[:_LONGEST_SUFFIX]
        name = name[: _LONGEST - len(suffix)] + suffix
    return name or _UNNAMED
