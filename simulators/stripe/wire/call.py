"""One request of the API, on its way to a handler."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators.stripe.account.book import Book, Change, Thing
from simulators.stripe.account.refusal import not_found
from simulators.stripe.wire.fields import Fields
from simulators.stripe.wire.forms import Node


@dataclass(frozen=True)
class Call:
    """What a handler sees.

    Attributes:
        path: Ids in the path, by name.
        fields: Parameters of the query or the body.
        change: What the handler changes; it is committed when the handler has answered.
    """

    path: Mapping[str, str]
    fields: Fields
    change: Change

    @property
    def book(self) -> Book:
        """What is there."""
        return self.change.book

    def need(self, kind: str, word: str, noun: str, param: str | None = None) -> Thing:
        """The object that the path names.

        Args:
            kind: Of the object.
            word: The id's name in the path.
            noun: What the error calls it.
            param: What the error names as parameter; ``word`` if left out.

        Raises:
            Refusal: There is none.
        """
        found = self.change.find(kind, self.path[word])
        if found is None:
            raise not_found(noun, self.path[word], param or word)
        return found


Handler = Callable[[Call], Thing]
"""Answers a call; what it changes is staged and must not be committed by it."""


def fingerprint(method: str, path: str, values: Mapping[str, Node]) -> str:
    """SHA-256 of what a request asks for, whatever the order of its parameters."""
    asked = json.dumps([method, path, values], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()
