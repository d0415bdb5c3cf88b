"""A distribution on this machine: it checks what CloudFront checks, and reads the real bucket."""

import base64
import binascii
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from deploy.embedded.s3 import EmbeddedS3
from rekindle.settings import Settings

KEY_PAIR = "K2JCJMDEHXQW5F"
_SIGNED = re.compile(r"(.+)[?&]Expires=(\d+)&Signature=([\w~-]+)&Key-Pair-Id=(\w+)")
_BASE64 = str.maketrans("-_~", "+=/")


@dataclass
class Distribution:
    """How it is set up, and the time it goes by."""

    bucket: Any
    name: str
    key: RSAPublicKey
    trusts: bool = True
    """Whether its behaviour has a trusted key group."""
    forwards: bool = True
    """Whether its cache policy names response-content-disposition."""
    now: Callable[[], float] = time.time

    def answer(self, address: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a GET of the whole address, as it came."""
        if self.trusts and not self._may(address):
            return 403, {}, b"<Error><Code>AccessDenied</Code></Error>"
        path, _, query = address.partition("://")[2].partition("/")[2].partition("?")
        wish = {"Bucket": self.name, "Key": unquote(path)}
        name = parse_qs(query).get("response-content-disposition")
        if name and self.forwards:
            wish["ResponseContentDisposition"] = name[0]
        try:
            found = self.bucket.get_object(**wish)
        except ClientError:
            return 403, {}, b""  # what S3 says to who may not list
        headers = {"Content-Type": found["ContentType"]}
        if "ContentDisposition" in found:
            headers["Content-Disposition"] = found["ContentDisposition"]
        return 200, headers, found["Body"].read()

    def _may(self, address: str) -> bool:
        match = _SIGNED.fullmatch(address)
        if not match or match[4] != KEY_PAIR or int(match[2]) <= self.now():
            return False
        policy = (
            f'{{"Statement":[{{"Resource":"{match[1]}","Condition":'
            f'{{"DateLessThan":{{"AWS:EpochTime":{match[2]}}}}}}}]}}'
        )
        try:
            signature = base64.b64decode(match[3].translate(_BASE64), validate=True)
            self.key.verify(signature, policy.encode(), PKCS1v15(), SHA1())  # noqa: S303
        except (InvalidSignature, binascii.Error):
            return False
        return True


@contextmanager
def served(distribution: Distribution) -> Iterator[str]:
    """It listens at the address given."""

    class Edge(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = distribution.answer(f"http://{self.headers['Host']}{self.path}")
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Edge) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def signing_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def settings(s3_server: EmbeddedS3, signing_key: RSAPrivateKey) -> Settings:
    """Of the real bucket; the domain is to be added."""
    s3 = s3_server.address
    access = next(iter(s3.keys.values()))
    pem = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Settings(
        _env_file=None,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=SecretStr(access.secret_key),
        aws_region=s3.region,
        s3_bucket=s3.bucket,
        s3_endpoint_url=s3.endpoint_url,
        cloudfront_key_pair_id=KEY_PAIR,
        cloudfront_private_key=SecretStr(pem),
    )


Distribute = Callable[..., Settings]


@pytest.fixture
def distribute(
    s3_server: EmbeddedS3, settings: Settings, signing_key: RSAPrivateKey
) -> Iterator[Distribute]:
    """Sets a distribution up in front of the bucket; gives the settings that use it."""
    s3 = s3_server.address
    access = next(iter(s3.keys.values()))
    bucket = boto3.client(
        "s3",
        region_name=s3.region,
        endpoint_url=s3.endpoint_url,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
    )
    with ExitStack() as stack:

        def add(**changed: Any) -> Settings:
            given = {"bucket": bucket, "name": s3.bucket, "key": signing_key.public_key()}
            domain = stack.enter_context(served(Distribution(**{**given, **changed})))
            return settings.model_copy(update={"cloudfront_domain": domain})

        yield add
    bucket.close()
