"""The S3 door of network volumes, as boto3 and a pod see it."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from simulators.runpod.options import Options
from simulators.runpod.server import SimulatorThread

VOLUME, PLACE = "models-eu", "EU-RO-1"
ACCESS, SECRET = "user_1", "rps_1"
MB = 1 << 20
Door = Callable[..., Any]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runpod")


@pytest.fixture(scope="module")
def url(data: Path) -> Iterator[str]:
    options = Options(
        data=data,
        api_key="rpa_1",
        volumes={VOLUME: PLACE, "other": "EU-CZ-1"},
        s3_keys={ACCESS: SECRET},
        light=True,
    )
    with SimulatorThread(options) as simulator:
        yield simulator.url


@pytest.fixture
def door(url: str) -> Iterator[Door]:
    """A client of boto3's, by default with the right key, region and door."""
    with ExitStack() as opened:

        def client(
            *, access: str = ACCESS, secret: str = SECRET, region: str = PLACE, at: str = PLACE
        ) -> Any:
            made = boto3.client(
                "s3",
                endpoint_url=f"{url}/s3/{at}",
                region_name=region,
                aws_access_key_id=access,
                aws_secret_access_key=secret,
                config=Config(
                    retries={"total_max_attempts": 3, "mode": "standard"},
                    s3={"addressing_style": "path"},
                ),
            )
            opened.callback(made.close)
            return made

        yield client


@pytest.fixture
def volume(data: Path, url: str) -> Path:
    """The folder that pods see."""
    return data / "volumes" / VOLUME


def code_of(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as refused:
        call(Bucket=VOLUME, **arguments)
    told = refused.value.response
    return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]


def test_an_object_is_the_file_of_its_path_both_ways(door: Door, volume: Path) -> None:
    s3 = door()
    key = "models/a b+ü/one.safetensors"
    put = s3.put_object(Bucket=VOLUME, Key=key, Body=b"weights")

    assert (volume / key).read_bytes() == b"weights"
    (volume / "outputs").mkdir()
    (volume / "outputs" / "by a pod.png").write_bytes(b"picture")
    got = s3.get_object(Bucket=VOLUME, Key="outputs/by a pod.png")
    assert got["Body"].read() == b"picture"
    part = s3.get_object(Bucket=VOLUME, Key=key, Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"igh", "bytes 2-4/7")
    assert s3.get_object(Bucket=VOLUME, Key=key, Range="bytes=-3")["Body"].read() == b"hts"
    head = s3.head_object(Bucket=VOLUME, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (7, put["ETag"])
    s3.copy_object(Bucket=VOLUME, Key="copied", CopySource={"Bucket": VOLUME, "Key": key})
    assert (volume / "copied").read_bytes() == b"weights"
    s3.delete_object(Bucket=VOLUME, Key=key)
    s3.delete_object(Bucket=VOLUME, Key=key)
    assert not (volume / "models").exists()


def test_a_large_file_arrives_in_parts_and_an_abandoned_upload_leaves_none(
    door: Door, volume: Path
) -> None:
    s3, content = door(), bytes(range(256)) * 4096 * 17  # 17 MB
    parts = TransferConfig(multipart_threshold=5 * MB, multipart_chunksize=5 * MB)
    s3.upload_fileobj(io.BytesIO(content), VOLUME, "large", Config=parts)
    upload = s3.create_multipart_upload(Bucket=VOLUME, Key="left")["UploadId"]
    s3.upload_part(Bucket=VOLUME, Key="left", UploadId=upload, PartNumber=1, Body=b"x")

    assert (volume / "large").read_bytes() == content
    assert s3.head_object(Bucket=VOLUME, Key="large")["ETag"].endswith('-4"')
    begun = s3.list_multipart_uploads(Bucket=VOLUME)["Uploads"]
    assert [(each["Key"], each["UploadId"]) for each in begun] == [("left", upload)]
    s3.abort_multipart_upload(Bucket=VOLUME, Key="left", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=VOLUME)
    assert not (volume / "left").exists()
    named = {"Parts": [{"PartNumber": 1, "ETag": "0" * 32}]}
    lost = {"Key": "left", "UploadId": upload, "MultipartUpload": named}
    assert code_of(s3.complete_multipart_upload, **lost) == (404, "NoSuchUpload")


@pytest.mark.parametrize("version", ["list_objects", "list_objects_v2"])
def test_lists_are_paged_and_folded(door: Door, volume: Path, version: str) -> None:
    s3, names = door(), [f"{folder}/{n}" for folder in ("a", "b") for n in range(3)] + ["c", "d"]
    for name in names:
        s3.put_object(Bucket=VOLUME, Key=f"{version}/{name}", Body=name.encode())
    pages = s3.get_paginator(version)
    asked = {"Bucket": VOLUME, "Prefix": f"{version}/", "PaginationConfig": {"PageSize": 3}}

    flat = [each["Key"] for page in pages.paginate(**asked) for each in page.get("Contents", ())]
    folded = list(pages.paginate(**asked, Delimiter="/"))

    assert flat == [f"{version}/{name}" for name in names]
    prefixes = [p["Prefix"] for page in folded for p in page.get("CommonPrefixes", ())]
    assert prefixes == [f"{version}/a/", f"{version}/b/"]
    assert [e["Key"] for page in folded for e in page.get("Contents", ())] == [
        f"{version}/c",
        f"{version}/d",
    ]


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({"secret": "rps_2"}, (403, "SignatureDoesNotMatch")),
        ({"access": "user_2"}, (403, "InvalidAccessKeyId")),
        ({"region": "EU-CZ-1"}, (403, "SignatureDoesNotMatch")),
        ({"region": "EU-CZ-1", "at": "EU-CZ-1"}, (404, "NoSuchBucket")),
    ],
    ids=["secret", "key", "region", "other data centre's door"],
)
def test_only_who_signs_for_the_volume_s_data_centre_gets_in(
    door: Door, other: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert code_of(door(**other).list_objects_v2) == refusal


def test_what_runpod_s_door_leaves_out_is_refused(door: Door, url: str, volume: Path) -> None:
    s3 = door()
    s3.put_object(Bucket=VOLUME, Key="private", Body=b"x")
    signed = s3.generate_presigned_url("get_object", {"Bucket": VOLUME, "Key": "private"})
    assert httpx.get(signed).status_code == 403
    assert httpx.get(f"{url}/s3/{PLACE}/{VOLUME}/private").status_code == 403

    gone = {"Objects": [{"Key": "private"}]}
    missing = (501, "NotImplemented")
    assert code_of(s3.delete_objects, Delete=gone) == missing
    assert code_of(s3.get_object_tagging, Key="private") == missing
    assert code_of(s3.put_object, Key="k", Body=b"x", ServerSideEncryption="AES256") == missing
    assert code_of(s3.delete_bucket) == missing
    assert (volume / "private").exists()


def test_a_key_stays_on_its_volume_and_a_body_within_its_limit(
    door: Door, url: str, data: Path
) -> None:
    s3 = door()
    assert code_of(s3.put_object, Key="a/../../../key", Body=b"x") == (400, "InvalidArgument")
    assert code_of(s3.get_object, Key="nowhere") == (404, "NoSuchKey")
    assert not (data / "key").exists()

    def says_it_is_larger(request: Any, **_: object) -> None:
        request.headers["x-amz-decoded-content-length"] = "500000001"

    s3.meta.events.register("before-send.s3.PutObject", says_it_is_larger)
    assert code_of(s3.put_object, Key="large", Body=b"x") == (400, "EntityTooLarge")


def test_a_bad_gateway_is_outlived_by_trying_again(door: Door, url: str) -> None:
    fault = {"kind": "server_error", "route": "PUT /s3/*", "status_code": 502}
    httpx.post(f"{url}/simulator/faults", json={"faults": [fault]}).raise_for_status()

    door().put_object(Bucket=VOLUME, Key="again", Body=b"x")

    told = httpx.get(f"{url}/simulator/faults").json()["faults"]
    assert [each["fired"] for each in told] == [1]
