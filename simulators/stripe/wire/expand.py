"""``expand[]``: ids in an answer are replaced by what they name."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from simulators.stripe.account import disputes, refunds, sessions
from simulators.stripe.account.book import Change, Thing
from simulators.stripe.account.charges import CHARGE, INTENT
from simulators.stripe.account.refusal import Refusal

_KINDS = {"pi_": INTENT, "ch_": CHARGE, "py_": CHARGE, "re_": refunds.KIND, "du_": disputes.KIND}
_DEEPEST = 4


def expanded(thing: Thing, paths: Iterable[str], change: Change) -> Thing:
    """A copy of an answer, with everything in it that was asked for.

    Args:
        thing: An object or a list.
        paths: Such as ``payment_intent.latest_charge`` or ``data.line_items``.
        change: Where objects are looked up.

    Raises:
        Refusal: A path is too deep, or leads nowhere.
    """
    answer = copy.deepcopy(thing)
    for path in paths:
        words = path.split(".")
        if len(words) > _DEEPEST:
            message = (
                f"You cannot expand more than {_DEEPEST} levels of a property (property: {path})."
            )
            raise Refusal(message, param="expand")
        _expand(answer, words, change, path)
    return answer


def _expand(thing: Thing, words: list[str], change: Change, path: str) -> None:
    word, rest = words[0], words[1:]
    if thing.get("object") == "list" and word == "data":
        inner = thing["data"]
    else:
        inner = [_include(thing, word, change, path)]
    for one in inner:
        if rest and one is not None:
            _expand(one, rest, change, path)


def _include(thing: Thing, word: str, change: Change, path: str) -> Thing | None:
    """Put an object in the place of its id; returns it, or None where there is none."""
    kind_of = thing.get("object")
    if word == "line_items" and kind_of == sessions.KIND:
        thing[word] = _line_items(thing["id"], change)
    elif word == "refunds" and kind_of == CHARGE:
        thing[word] = _refunds(thing["id"], change)
    elif word not in thing or not isinstance(thing[word], dict | str | None):
        raise Refusal(f"This property cannot be expanded ({path}).", param="expand")
    elif isinstance(thing[word], str):
        kind = next((k for prefix, k in _KINDS.items() if thing[word].startswith(prefix)), None)
        found = None if kind is None else change.find(kind, thing[word])
        if found is None:
            raise Refusal(f"This property cannot be expanded ({path}).", param="expand")
        thing[word] = copy.deepcopy(found)
    inner: Thing | None = thing[word]
    return inner


def _line_items(session_id: str, change: Change) -> Thing:
    kept = change.find(sessions.LINE_ITEMS, session_id)
    assert kept is not None  # noqa: S101  every session is made with its items
    url = f"/v1/checkout/sessions/{session_id}/line_items"
    return {"object": "list", "data": copy.deepcopy(kept["data"]), "has_more": False, "url": url}


def _refunds(charge_id: str, change: Change) -> Thing:
    mine = [r for r in change.book.newest_first(refunds.KIND) if r["charge"] == charge_id]
    url = f"/v1/charges/{charge_id}/refunds"
    data = copy.deepcopy(mine[:10])
    return {"object": "list", "data": data, "has_more": len(mine) > len(data), "url": url}
