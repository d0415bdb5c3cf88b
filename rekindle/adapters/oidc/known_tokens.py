"""Tokens whose signature was found good: it is not computed anew with every request."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from rekindle.adapters.oidc.documents import VerificationKey
from rekindle.ports.identity import Principal

_MOST = 4096
"""Tokens remembered, about 1 KB each; those that were not seen for longest are forgotten."""


@dataclass(frozen=True)
class KnownToken:
    """What a good signature has told.

    Attributes:
        kid: id of the key.
        key: the very key; one that is fetched anew is another, and proves nothing of this token.
        claims: to be judged by the clock each time.
    """

    kid: str
    key: VerificationKey
    claims: dict[str, Any]
    principal: Principal


class KnownTokens:
    """A bounded memory of tokens, by their digests: the tokens themselves are not kept."""

    def __init__(self, most: int = _MOST) -> None:
        """Nothing is known yet."""
        self._most = most
        self._by_digest: OrderedDict[bytes, KnownToken] = OrderedDict()

    def get(self, token: str) -> KnownToken | None:
        """What is known of a token."""
        digest = _digest(token)
        known = self._by_digest.get(digest)
        if known is not None:
            self._by_digest.move_to_end(digest)
        return known

    def put(self, token: str, known: KnownToken) -> None:
        """Remember a token."""
        self._by_digest[_digest(token)] = known
        if len(self._by_digest) > self._most:
            self._by_digest.popitem(last=False)

    def forget(self, token: str) -> None:
        """It is good no longer."""
        self._by_digest.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
