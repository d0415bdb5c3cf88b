"""The signing keys: made once per data directory, kept there, rotated on command."""

import json
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization, RSAKey

from simulators.oidc.files import write_private

_PUBLISHED = 3
"""How many generations stay published: tokens of the last two rotations go on verifying."""


class KeyRing:
    """RSA keys, newest first. The newest signs; all of them are published."""

    def __init__(self, path: Path) -> None:
        """Open the keys, or make the first one.

        Args:
            path: a private file holding a JWK set.

        Raises:
            ValueError: the file is damaged. It is never replaced silently, because every
                token out there would stop verifying.
        """
        self._path = path
        self._keys = self._read()
        if not self._keys:
            self.rotate()

    @property
    def signing_key(self) -> RSAKey:
        """The newest key."""
        return self._keys[0]

    def key_set(self) -> KeySet:
        """All published keys, for verifying our own tokens."""
        return KeySet(list(self._keys))

    def published(self) -> KeySetSerialization:
        """The public halves, as the JWKS endpoint shows them."""
        return self.key_set().as_dict(private=False)

    def rotate(self, *, keep_previous: bool = True) -> str:
        """Sign with a new key from now on.

        Args:
            keep_previous: go on publishing the older keys; without it their tokens die at once,
                as after a leaked key.

        Returns:
            The new key's id.
        """
        key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        kept = self._keys[: _PUBLISHED - 1] if keep_previous else []
        keys = [key, *kept]
        as_json = {"keys": [each.as_dict(private=True) for each in keys]}
        write_private(self._path, json.dumps(as_json))
        self._keys = keys
        return str(key.kid)

    def _read(self) -> list[RSAKey]:
        try:
            stored = json.loads(self._path.read_text("utf-8"))["keys"]
            keys = [RSAKey.import_key(each) for each in stored]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, JoseError) as error:
            raise ValueError(f"{self._path} is not a key file of this issuer: {error}") from error
        if not keys or not all(key.is_private for key in keys):
            raise ValueError(f"{self._path} holds no private key")
        self._path.chmod(0o600)
        return keys
