"""Nested form fields: ``line_items[0][price_data][currency]=eur``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from simulators.stripe.account.refusal import Refusal

Node = str | dict[str, "Node"]
"""A value, or values by name; the names of a list are its indexes."""

_NAME = re.compile(r"[^\[\]]+")
_PARTS = re.compile(r"\[([^\[\]]*)\]")
_MOST_FIELDS, _DEEPEST = 1_000, 8


def decode(text: str) -> dict[str, Node]:
    """Read a query or a body.

    Raises:
        Refusal: It is no form, too long, too deep, or says two things at one place.
    """
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise Refusal("Invalid request: the form cannot be read.") from None
    return nest(pairs)


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Node]:
    """Make a tree of flat names.

    Raises:
        Refusal: A name cannot be read, or is both a value and a group.
    """
    root: dict[str, Node] = {}
    for name, value in pairs:
        *groups, last = _path(name)
        place = root
        for group in groups:
            inner = place.setdefault(group or str(len(place)), {})
            if isinstance(inner, str):
                raise _unreadable(name)
            place = inner
        last = last or str(len(place))
        if isinstance(place.get(last), dict):
            raise _unreadable(name)
        place[last] = value
    return root


def _path(name: str) -> list[str]:
    head = _NAME.match(name)
    if head is None:
        raise _unreadable(name)
    rest = name[head.end() :]
    parts = _PARTS.findall(rest)
    if "".join(f"[{part}]" for part in parts) != rest or len(parts) > _DEEPEST:
        raise _unreadable(name)
    return [head.group(), *parts]


def _unreadable(name: str) -> Refusal:
    return Refusal("Invalid request: a parameter's name cannot be read.", param=name[:100])
