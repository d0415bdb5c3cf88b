"""Lists with cursors, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.stripe.account.book import Thing
from simulators.stripe.account.refusal import Refusal, not_found
from simulators.stripe.wire.fields import Fields

_DEFAULT, _MOST = 10, 100


def page(things: Sequence[Thing], fields: Fields, url: str) -> Thing:
    """One page of a list.

    Args:
        things: All of it, newest first, already filtered.
        fields: Hold ``limit``, ``starting_after``, ``ending_before``.
        url: What the list calls itself.

    Raises:
        Refusal: A limit out of range, both cursors, or a cursor that names nothing in the list.
    """
    limit = _limit(fields)
    after, before = fields.text("starting_after"), fields.text("ending_before")
    if after is not None and before is not None:
        raise Refusal(
            "You may only specify one of these parameters: ending_before, starting_after."
        )
    if before is not None:
        newer = things[: _place(things, before, "ending_before")]
        chosen, has_more = newer[-limit:], len(newer) > limit
    else:
        start = 0 if after is None else _place(things, after, "starting_after") + 1
        chosen, has_more = things[start : start + limit], len(things) > start + limit
    return {"object": "list", "data": list(chosen), "has_more": has_more, "url": url}


def by_created(things: Sequence[Thing], fields: Fields) -> list[Thing]:
    """Those within ``created``: a moment, or ``created[gt|gte|lt|lte]``."""
    at, bounds = _moment(fields)
    return [
        thing
        for thing in things
        if (at is None or thing["created"] == at)
        and bounds.get("gt", -1) < thing["created"]
        and bounds.get("gte", 0) <= thing["created"]
        and thing["created"] < bounds.get("lt", 1 << 62)
        and thing["created"] <= bounds.get("lte", 1 << 62)
    ]


def by_words(things: Sequence[Thing], fields: Fields, *words: str) -> list[Thing]:
    """Those whose members are what the parameters of the same names say."""
    wanted = {word: text for word in words if (text := fields.text(word)) is not None}
    return [t for t in things if all(t.get(word) == text for word, text in wanted.items())]


def _limit(fields: Fields) -> int:
    limit = fields.whole("limit")
    if limit is None:
        return _DEFAULT
    if not 1 <= limit <= _MOST:
        message = f"Invalid limit: it must be between 1 and {_MOST}"
        raise Refusal(message, code="parameter_invalid_integer", param="limit")
    return limit


def _place(things: Sequence[Thing], thing_id: str, param: str) -> int:
    for index, thing in enumerate(things):
        if thing["id"] == thing_id:
            return index
    raise not_found("object", thing_id, param, 400)


def _moment(fields: Fields) -> tuple[int | None, dict[str, int]]:
    if fields.is_text("created"):
        return fields.whole("created"), {}
    group = fields.group("created")
    bounds = {word: group.whole(word) for word in ("gt", "gte", "lt", "lte")}
    return None, {word: bound for word, bound in bounds.items() if bound is not None}
