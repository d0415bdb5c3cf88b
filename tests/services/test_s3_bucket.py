"""The rules of a bucket, as a store and browsers see them."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from deploy.embedded.s3 import EmbeddedS3
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.s3_bucket import S3Bucket
from rekindle.errors import StorageUnavailable
from rekindle.ports.buckets import BucketRules

PAGE = "https://app.example"
EVIL = "https://evil.example"


MakeBucket = Callable[..., S3Bucket]


@pytest.fixture
def make_bucket(s3_server: EmbeddedS3) -> MakeBucket:
    address = s3_server.address
    key = next(iter(address.keys.values()))

    def make(name: str = address.bucket, secret: str = key.secret_key) -> S3Bucket:
        return S3Bucket(
            bucket=name,
            region=address.region,
            endpoint_url=address.endpoint_url,
            access_key=key.access_key,
            secret_key=secret,
            timeout=60,
        )

    return make


@pytest.fixture
def bucket(make_bucket: MakeBucket) -> Iterator[S3Bucket]:
    """Without any rule, before and afterwards."""
    bucket = make_bucket()
    client, name = bucket._client, bucket._bucket
    client.delete_bucket_cors(Bucket=name)
    client.delete_bucket_lifecycle(Bucket=name)
    yield bucket
    client.delete_bucket_cors(Bucket=name)
    client.delete_bucket_lifecycle(Bucket=name)


async def test_a_bucket_is_set_up_and_read_again(bucket: S3Bucket) -> None:
    assert await bucket.rules() == BucketRules()
    await bucket.open_to([PAGE, "http://localhost:8000", PAGE])
    assert await bucket.expire_incoming(2)
    expected = BucketRules((PAGE, "http://localhost:8000"), 2)
    assert await bucket.rules() == expected
    assert await bucket.expire_incoming(2)
    await bucket.open_to([PAGE, "http://localhost:8000"])
    assert await bucket.rules() == expected
    await bucket.open_to([EVIL])
    assert (await bucket.rules()).origins == (EVIL,)


async def test_rules_of_others_stay(bucket: S3Bucket) -> None:
    client, name = bucket._client, bucket._bucket
    client.put_bucket_cors(
        Bucket=name,
        CORSConfiguration={
            "CORSRules": [
                {"ID": "theirs", "AllowedMethods": ["GET"], "AllowedOrigins": ["https://b.example"]}
            ]
        },
    )
    client.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "theirs",
                    "Status": "Enabled",
                    "Filter": {"Prefix": "old/"},
                    "Expiration": {"Days": 400},
                }
            ]
        },
    )
    for _ in range(2):
        await bucket.open_to([PAGE])
        await bucket.expire_incoming(3)
    assert await bucket.rules() == BucketRules((PAGE,), 3)
    cors = client.get_bucket_cors(Bucket=name)["CORSRules"]
    assert [each["ID"] for each in cors] == ["rekindle-pages", "theirs"]
    rules = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert sorted(each["ID"] for each in rules) == ["rekindle-incoming", "rekindle-parts", "theirs"]
    [incoming] = [each for each in rules if each["ID"] == "rekindle-incoming"]
    assert incoming["Filter"] == {"Prefix": "incoming/"}


async def test_a_page_may_post_a_form_and_read_the_answer(
    bucket: S3Bucket, objects: S3Store
) -> None:
    await bucket.open_to([PAGE])
    form = objects.post_form("incoming/x", content_type="image/png", max_bytes=10, seconds=60)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        asked = await browser.options(
            form.url,
            headers={
                "Origin": PAGE,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        replies = {
            origin: await browser.post(
                form.url,
                data=dict(form.fields),
                files={"file": ("a.png", b"photo")},
                headers={"Origin": origin},
            )
            for origin in (PAGE, EVIL)
        }
    assert asked.is_success
    assert asked.headers["access-control-allow-origin"] in (PAGE, "*")
    assert replies[PAGE].status_code == 204
    assert replies[PAGE].headers["access-control-allow-origin"] == PAGE
    assert replies[EVIL].headers.get("access-control-allow-origin") != EVIL
    await objects.delete("incoming/x")


async def test_a_bucket_that_is_closed_to_us_is_unavailable(make_bucket: MakeBucket) -> None:
    # pragma: allowlist nextline secret
    for closed in (make_bucket(secret="wrong"), make_bucket("no-such-bucket")):
        with pytest.raises(StorageUnavailable):
            await closed.rules()
        with pytest.raises(StorageUnavailable):
            await closed.open_to([PAGE])
