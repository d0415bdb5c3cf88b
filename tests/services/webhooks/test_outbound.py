"""Servers that strangers name: only public addresses, pinned, without redirects or proxies."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rekindle.adapters.outbound import OutboundSender
from rekindle.contracts.webhooks import SendFailure
from tests.services.webhooks.conftest import Receiver

NAME = "album.example"


class Names:
    """A resolver whose answers change: the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0x7f000001",
        "0",
        "localhost",
        "169.254.169.254",
        "2852039166",
        "0xa9.0xfe.0xa9.0xfe",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[64:ff9b::a9fe:a9fe]",
    ],
)
async def test_an_address_that_is_not_public_is_refused_however_it_is_written(host: str) -> None:
    answer = await OutboundSender().send(f"https://{host}/", {}, b"{}")
    assert (answer.status, answer.failure) == (None, SendFailure.ADDRESS_REFUSED)


async def test_one_private_address_among_public_ones_is_refused() -> None:
    sender = OutboundSender(resolver=Names(["203.0.114.1", "10.0.0.1"]))
    answer = await sender.send(f"https://{NAME}/", {}, b"{}")
    assert answer.failure is SendFailure.ADDRESS_REFUSED


async def test_a_name_that_turns_private_after_it_was_looked_at_is_refused_the_next_time(
    receiver: Receiver,
) -> None:
    names = Names(["203.0.114.1"], ["127.0.0.1"])
    await names(NAME, 443)  # as somebody who checks it when it is registered
    answer = await OutboundSender(resolver=names).send(f"https://{NAME}/", {}, b"{}")
    assert answer.failure is SendFailure.ADDRESS_REFUSED
    assert receiver.got == []


async def test_a_name_is_resolved_once_and_that_address_is_connected_to(
    receiver: Receiver,
) -> None:
    names = Names(["127.0.0.1"], ["192.0.2.1"])  # nobody answers at the second
    port = receiver.url.rpartition(":")[2]
    sender = OutboundSender(allow_private=True, resolver=names, seconds=60)
    answer = await sender.send(f"http://{NAME}:{port}/hook", {"x-word": "yes"}, b"{}")
    assert answer.status == 200
    assert names.asked == [NAME]
    [message] = receiver.got
    assert message.headers["host"] == f"{NAME}:{port}"
    assert (message.path, message.headers["x-word"], message.body) == ("/hook", "yes", b"{}")


async def test_plain_http_is_refused_outside_development(receiver: Receiver) -> None:
    answer = await OutboundSender().send(receiver.url, {}, b"{}")
    assert answer.failure is SendFailure.ADDRESS_REFUSED
    assert receiver.got == []


async def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, receiver.url)
    sender = OutboundSender(resolver=Names(["10.0.0.1"]))
    answer = await sender.send(f"https://{NAME}/", {}, b"{}")
    assert answer.failure is SendFailure.ADDRESS_REFUSED
    assert receiver.got == []


async def test_a_redirect_is_an_answer(receiver: Receiver) -> None:
    receiver.answers = [302]
    answer = await OutboundSender(allow_private=True, seconds=60).send(receiver.url, {}, b"{}")
    assert (answer.status, answer.accepts) == (302, False)
    assert len(receiver.got) == 1


async def test_a_name_without_an_address_is_told_as_such() -> None:
    async def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError

    answer = await OutboundSender(resolver=nobody).send(f"https://{NAME}/", {}, b"{}")
    assert answer.failure is SendFailure.UNRESOLVED


@asynccontextmanager
async def answering(reply: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a port that says this, and then keeps the connection open."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        done.set()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nx-slow: "])
async def test_who_does_not_answer_in_time_is_left(reply: bytes) -> None:
    sender = OutboundSender(allow_private=True, seconds=0.5)
    async with answering(reply) as port:
        answer = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.failure is SendFailure.TIMED_OUT


@pytest.mark.parametrize(
    "reply", [b"220 mail.example ESMTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000]
)
async def test_what_is_no_answer_or_never_ends_is_none(reply: bytes) -> None:
    sender = OutboundSender(allow_private=True, seconds=60)
    async with answering(reply) as port:
        answer = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.failure is SendFailure.UNREACHABLE


async def test_the_body_of_an_answer_is_not_waited_for() -> None:
    sender = OutboundSender(allow_private=True, seconds=60)
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\nand so on"
    async with answering(endless) as port:
        assert (await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")).accepts


def certificate(name: str, folder: Path) -> Path:
    """A self-signed certificate of a host, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none) + made.public_bytes(pem)
    file = folder / f"{name}.pem"
    file.write_bytes(text)
    return file


@pytest.mark.parametrize(("host", "is_it"), [(NAME, True), ("other.example", False)])
async def test_tls_is_verified_by_name_though_the_address_is_pinned(
    host: str, is_it: bool, tmp_path: Path
) -> None:
    file = certificate(NAME, tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    sender = OutboundSender(
        allow_private=True,
        resolver=Names(["127.0.0.1"]),
        seconds=60,
        trusted=ssl.create_default_context(cafile=str(file)),
    )
    async with answering(b"HTTP/1.1 204 No Content\r\n\r\n", tls) as port:
        answer = await sender.send(f"https://{host}:{port}/", {}, b"{}")
    assert answer.accepts is is_it
    assert answer.failure is (None if is_it else SendFailure.UNREACHABLE)
