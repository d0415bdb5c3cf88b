"""JSON bodies of the control routes, read word by word."""

from __future__ import annotations

import json
from collections.abc import Collection

from starlette.requests import Request

_MOST = 86_400.0 * 3_660


class Words:
    """An object of words.

    Args:
        body: Decoded JSON.
        allowed: The words it may hold.

    Raises:
        ValueError: It is no object, or holds another word.
    """

    def __init__(self, body: object, *allowed: str) -> None:
        if not isinstance(body, dict):
            raise ValueError("the body is an object")
        if unknown := set(body) - set(allowed):
            raise ValueError(f"no such word: {', '.join(sorted(map(str, unknown)))}")
        self._body: dict[str, object] = body

    def text(self, word: str, choices: Collection[str] | None = None) -> str | None:
        """A text, or None if it was left out."""
        value = self._body.get(word)
        if value is None:
            return None
        if not isinstance(value, str) or (choices is not None and value not in choices):
            words = "a text" if choices is None else f"one of {', '.join(choices)}"
            raise ValueError(f"{word} is {words}: {value!r}")
        return value

    def need_text(self, word: str, choices: Collection[str] | None = None) -> str:
        """A text that must be there."""
        value = self.text(word, choices)
        if value is None:
            raise ValueError(f"{word} is missing")
        return value

    def whole(self, word: str) -> int | None:
        """A whole number above zero, or None if it was left out."""
        value = self._body.get(word)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{word} is a whole number above zero: {value!r}")
        return value

    def seconds(self, word: str, default: float = 0.0) -> float:
        """A number of seconds, below zero too."""
        value = self._body.get(word, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{word} is a number: {value!r}")
        if not -_MOST <= value <= _MOST:
            raise ValueError(f"{word} is out of range: {value!r}")
        return float(value)

    def truth(self, word: str) -> bool:
        """True or false; false if it was left out."""
        value = self._body.get(word, False)
        if not isinstance(value, bool):
            raise ValueError(f"{word} is true or false: {value!r}")
        return value


async def words_of(request: Request, *allowed: str) -> Words:
    """The words of a request's body; an empty body is an empty object.

    Raises:
        ValueError: It is no JSON, no object, or holds a word that is not allowed.
    """
    return Words(json.loads(await request.body() or b"{}"), *allowed)
