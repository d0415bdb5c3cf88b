"""The embedded S3 is a real server: acknowledged objects survive, strangers stay out."""

import functools
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from deploy.embedded.s3 import AccessKey, EmbeddedS3
from rekindle.errors import DataInUse

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

IDENTITIES = {
    "app": ["Read:photos", "Write:photos", "List:photos", "Tagging:photos"],
    "reader": ["Read:photos"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedS3]:
    data = tmp_path_factory.mktemp("embedded") / "s3"
    with EmbeddedS3(data, bucket="photos", identities=IDENTITIES) as server:
        yield server


def client(server: EmbeddedS3, key: AccessKey | None = None) -> "S3Client":
    return connect(server.address.endpoint_url, key or server.address.keys["app"])


@functools.cache
def connect(endpoint_url: str, key: AccessKey) -> "S3Client":
    return boto3.Session().client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def put(server: EmbeddedS3, name: str, body: bytes, key: AccessKey | None = None) -> None:
    client(server, key).put_object(Bucket="photos", Key=name, Body=body)


def get(server: EmbeddedS3, name: str, key: AccessKey | None = None) -> bytes:
    body: bytes = client(server, key).get_object(Bucket="photos", Key=name)["Body"].read()
    return body


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_object_can_be_written_as_soon_as_the_server_is_up_and_nothing_else_is_there(
    tmp_path: Path,
) -> None:
    with EmbeddedS3(tmp_path, bucket="photos") as server:
        listing = client(server).list_objects_v2(Bucket="photos")
        put(server, "a.png", b"picture")

        assert listing["KeyCount"] == 0
        assert get(server, "a.png") == b"picture"
        server.kill()  # quicker than an orderly stop


def test_an_acknowledged_object_survives_kill_minus_9_on_the_same_port(server: EmbeddedS3) -> None:
    large = bytes(range(256)) * 40_000  # 10 MB: several chunks
    put(server, "small.png", b"picture")
    put(server, "large.mp4", large)
    address, pid = server.address, server.pid
    server.kill()
    server.start()

    assert server.address == address
    assert server.pid != pid
    assert get(server, "small.png") == b"picture"
    assert get(server, "large.mp4") == large


def test_a_killed_server_leaves_no_socket_behind(server: EmbeddedS3) -> None:
    port = server.address.endpoint_url.rpartition(":")[2]
    pattern = f"seaweedfs-*{port}.sock"
    before = list(Path("/tmp").glob(pattern))  # noqa: S108 (where SeaweedFS puts them)
    server.kill()
    after = list(Path("/tmp").glob(pattern))  # noqa: S108
    server.start()

    assert before
    assert not after


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        *((method, "/photos") for method in ("GET", "HEAD", "PUT", "DELETE")),
        *((method, "/photos/private.png") for method in ("GET", "HEAD", "PUT", "DELETE")),
    ],
)
def test_whoever_has_no_key_is_refused(server: EmbeddedS3, method: str, path: str) -> None:
    put(server, "private.png", b"picture")

    answer = httpx.request(method, server.address.endpoint_url + path)

    assert answer.status_code == 403
    assert b"picture" not in answer.content
    assert get(server, "private.png") == b"picture"


def test_no_other_port_gives_or_takes_an_object_over_http(server: EmbeddedS3) -> None:
    put(server, "private.png", b"picture")
    # Its inner parts open in their own order: the last may come after the first PUT has worked.
    with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=60) as stranger:
        for port in server._inner.values():
            for path in ("/buckets/photos/private.png", "/photos/private.png", "/buckets/"):
                read = stranger.get(f"http://127.0.0.1:{port}{path}")
                written = stranger.put(f"http://127.0.0.1:{port}{path}x", content=b"stranger")

                assert b"picture" not in read.content
                assert b"private.png" not in read.content
                assert written.status_code >= 400


def test_a_wrong_secret_and_an_unknown_key_are_refused(server: EmbeddedS3) -> None:
    right = server.address.keys["app"]
    with pytest.raises(ClientError) as wrong:
        get(server, "private.png", AccessKey(right.access_key, "wrong"))
    with pytest.raises(ClientError) as unknown:
        get(server, "private.png", AccessKey("UNKNOWN", right.secret_key))

    assert refusal(wrong) == ("SignatureDoesNotMatch", 403)
    assert refusal(unknown) == ("InvalidAccessKeyId", 403)


def test_an_identity_may_do_only_what_its_actions_say(server: EmbeddedS3) -> None:
    put(server, "shown.png", b"picture")
    reader = server.address.keys["reader"]

    assert get(server, "shown.png", reader) == b"picture"
    with pytest.raises(ClientError) as writing:
        put(server, "shown.png", b"other", reader)
    with pytest.raises(ClientError) as elsewhere:
        client(server).create_bucket(Bucket="another")
    assert refusal(writing) == ("AccessDenied", 403)
    assert refusal(elsewhere) == ("AccessDenied", 403)


def test_keys_are_made_for_the_folder_and_shown_nowhere(server: EmbeddedS3) -> None:
    command = Path(f"/proc/{server.pid}/cmdline").read_text()
    keys = server.address.keys

    assert len({key.secret_key for key in keys.values()}) == 2
    assert stat.S_IMODE((server.data / "s3.json").stat().st_mode) == 0o600
    for key in keys.values():
        assert len(key.secret_key) >= 40
        assert key.secret_key not in repr(server.address)
        assert key.secret_key not in command
        assert key.secret_key not in server.log.read_text()


def test_a_second_server_on_the_same_data_is_refused(server: EmbeddedS3) -> None:
    with pytest.raises(DataInUse, match=str(server.data)):
        EmbeddedS3(server.data, bucket="photos").start()
    assert server.is_running


def test_a_later_start_keeps_objects_and_keys_and_may_add_an_identity(server: EmbeddedS3) -> None:
    put(server, "kept.png", b"picture")
    before = server.address
    server.kill()
    server.stop()
    more = {**IDENTITIES, "lister": ["List:photos"]}
    try:
        with EmbeddedS3(server.data, bucket="photos", identities=more) as later:
            assert later.address.endpoint_url != before.endpoint_url
            assert later.address.keys["app"] == before.keys["app"]
            assert get(later, "kept.png") == b"picture"
            listed = client(later, later.address.keys["lister"]).list_objects_v2(Bucket="photos")
            assert "kept.png" in {entry["Key"] for entry in listed["Contents"]}
            later.kill()
    finally:
        server.start()


def test_a_port_without_room_for_its_grpc_twin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gRPC twin"):
        EmbeddedS3(tmp_path, bucket="photos", port=60000)


@pytest.mark.parametrize("name", ["", "ab", "two,buckets", "../up", "Photos"])
def test_what_is_no_bucket_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a bucket"):
        EmbeddedS3(tmp_path, bucket=name)
