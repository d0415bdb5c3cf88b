"""Lists of objects, both versions, a page at a time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from simulators.runpod.s3.folder import Found
from simulators.runpod.s3.refusal import Refusal

_MOST = 1000


@dataclass
class Page:
    """One page: objects, and prefixes that stand for many.

    Attributes:
        after: Key or prefix after which the next page begins; None on the last.
    """

    objects: list[Found] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    after: str | None = None

    @property
    def size(self) -> int:
        """Entries of either kind."""
        return len(self.objects) + len(self.prefixes)


def page_of(objects: Iterable[Found], asked: Mapping[str, str]) -> Page:
    """The page that a list request asks for.

    Args:
        objects: Those of the request's prefix, in order.
        asked: The request's parameters.

    Raises:
        Refusal: A parameter is none of S3's.
    """
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    after, most = _after(asked), _most(asked)
    page = Page()
    last = after
    for found in objects:
        rest = found.key[len(prefix) :]
        head, cut, _ = rest.partition(delimiter) if delimiter else (rest, "", "")
        entry = prefix + head + cut if cut else found.key
        if entry <= after or (cut and page.prefixes[-1:] == [entry]):
            continue
        if cut and after.startswith(entry):
            continue
        if page.size == most:
            page.after = last
            return page
        if cut:
            page.prefixes.append(entry)
        else:
            page.objects.append(found)
        last = entry
    return page


def token_of(after: str) -> str:
    """A continuation token."""
    return base64.urlsafe_b64encode(after.encode()).decode()


def _after(asked: Mapping[str, str]) -> str:
    token = asked.get("continuation-token")
    if token is None:
        return asked.get("start-after", asked.get("marker", ""))
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise Refusal(400, "InvalidArgument", "The continuation token is none of ours.") from None


def _most(asked: Mapping[str, str]) -> int:
    text = asked.get("max-keys", str(_MOST))
    if not text.isdecimal():
        raise Refusal(400, "InvalidArgument", "max-keys is a number.")
    return min(int(text), _MOST)
