from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from rekindle.adapters.cloudfront import CloudFront

NOW = 1_800_000_007.25


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def pem(key: RSAPrivateKey) -> str:
    form = PrivateFormat.TraditionalOpenSSL  # what `openssl genrsa` of CloudFront's manual makes
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


MakeCloudFront = Callable[..., CloudFront]


@pytest.fixture
def make_cloudfront(pem: str) -> MakeCloudFront:
    def make(**changed: Any) -> CloudFront:
        given = {
            "domain": "d111111abcdef8.cloudfront.net",
            "key_pair_id": "K2JCJMDEHXQW5F",
            "private_key": pem,
            "now": lambda: NOW,
        }
        return CloudFront(**{**given, **changed})

    return make
