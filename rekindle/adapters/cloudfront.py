"""CloudFront in front of the photo bucket: addresses that it opens for us alone.

What a distribution must be set to for these addresses to work, and for nothing else to open the
bucket, stands in `docs/cloudfront.md`: origin access control, a trusted key group on every
behaviour, and `response-content-disposition` in the cache key and so on the way to S3.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

from botocore.signers import CloudFrontSigner
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rekindle.errors import SettingsInvalid

_KEY_BITS = 2048
"""The one size of RSA key that CloudFront takes (its API reference, `PublicKey`)."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_KEY_PAIR_ID = re.compile(r"[A-Za-z0-9]+")
_REMEMBERED = 4096
"""Signed addresses kept, about 1 KB each."""


class CloudFront:
    """One distribution, and the key of ours that it trusts.

    Every address has a *canned* policy: CloudFront compares the signature with the whole address,
    so one signature opens one object under one file name until one moment. A custom policy with a
    wildcard would cost one signature per job, but it would open the master and the unpaid HD file
    that lie beside the preview.
    """

    def __init__(
        self,
        *,
        domain: str,
        key_pair_id: str,
        private_key: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        r"""Read the key; nothing is requested.

        Args:
            domain: of the distribution, such as d111111abcdef8.cloudfront.net; or an address,
                https:// unless it is on this machine.
            key_pair_id: CloudFront's id of the public key.
            private_key: PEM, RSA with 2048 bits, without a password. Line breaks may be written as
                the two characters `\n`, as files of settings hold them.
            now: Unix seconds.

        Raises:
            SettingsInvalid: one of them cannot be used; it says which, and never shows the key.
        """
        self._base = _base(domain)
        if not _KEY_PAIR_ID.fullmatch(key_pair_id):
            raise SettingsInvalid(
                "CLOUDFRONT_KEY_PAIR_ID is no id of a public key, such as K2JCJMDEHXQW5F."
            )
        key = _private_key(private_key)
        # CloudFront checks RSA over SHA-1 where the address names no other hash.
        self._signer = CloudFrontSigner(
            key_pair_id,
            lambda policy: key.sign(policy, PKCS1v15(), SHA1()),  # noqa: S303  # nosec B303
        )
        self._signed = lru_cache(_REMEMBERED)(self._sign)
        self._now = now

    def url(self, key: str, *, seconds: int, disposition: str | None = None) -> str:
        """An address that reads one object, and ends within `seconds`. Computed locally.

        It ends on a round moment and so lives for at least three quarters of that time. For as
        long as the moment is the same, every process makes the same address: browsers keep the
        picture, and a page that is asked for again costs no signature (0.2 ms each).

        Args:
            key: the object.
            seconds: longest life, at least 1.
            disposition: header value under which a browser saves it.
        """
        address = f"{self._base}/{quote(key, safe='/')}"
        if disposition is not None:
            address += f"?response-content-disposition={quote(disposition, safe='')}"
        grid = max(1, seconds // 4)
        return self._signed(address, int(self._now() + seconds) // grid * grid)

    def _sign(self, address: str, ends: int) -> str:
        moment = datetime.fromtimestamp(ends, UTC)
        return self._signer.generate_presigned_url(address, date_less_than=moment)


def _base(domain: str) -> str:
    """Scheme and host; raises `SettingsInvalid` for anything more, or less."""
    wrong = SettingsInvalid(
        "CLOUDFRONT_DOMAIN is no domain, such as d111111abcdef8.cloudfront.net: no path, no "
        "user, and no http:// except on this machine."
    )
    try:
        parts = urlsplit(domain if "://" in domain else f"https://{domain}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    named = re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|::1", host)
    more = parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment
    if not secure or not named or more:
        raise wrong
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _private_key(pem: str) -> RSAPrivateKey:
    text = pem.replace("\\r", "").replace("\\n", "\n").strip()
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not chained: a parser's words may repeat what it read.
        raise SettingsInvalid(
            "CLOUDFRONT_PRIVATE_KEY cannot be read: it must be a whole PEM text without a "
            "password, its line breaks real or written as \\n."
        ) from None
    if not isinstance(key, RSAPrivateKey) or key.key_size != _KEY_BITS:
        raise SettingsInvalid(f"CLOUDFRONT_PRIVATE_KEY is no RSA key with {_KEY_BITS} bits.")
    return key
