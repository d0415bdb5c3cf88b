"""Ports that several processes use."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from rekindle.adapters.cloudfront import CloudFront
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.s3_bucket import S3Bucket
from rekindle.adapters.screening import HttpScreening, RuleScreening
from rekindle.adapters.stripe import StripePayments
from rekindle.errors import SettingsInvalid
from rekindle.ports.buckets import Bucket
from rekindle.ports.gpu_cloud import GpuCloud
from rekindle.ports.objects import ObjectStore
from rekindle.ports.payments import Payments
from rekindle.ports.photos import PhotoDecoder, PhotoLimits
from rekindle.ports.screening import PromptScreening
from rekindle.ports.videos import VideoDecoder
from rekindle.settings import Settings
from rekindle.store.database import Database


def object_store(settings: Settings, *, timeout: float | None = None) -> ObjectStore:
    """The photo bucket.

    Args:
        settings: whose bucket.
        timeout: for a hasty caller: longest wait for one answer, seconds, without retries.

    Raises:
        SettingsInvalid: CloudFront is set, but not well; see `cloudfront`.
    """
    secret = settings.aws_secret_access_key
    return S3Store(
        bucket=settings.s3_bucket,
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        access_key=settings.aws_access_key_id,
        secret_key=secret.get_secret_value() if secret else None,
        url_seconds=settings.url_seconds,
        cloudfront=cloudfront(settings),
        timeout=timeout,
    )


def volume_store(
    settings: Settings, *, data_center: str | None = None, timeout: float | None = None
) -> ObjectStore | None:
    """The files of the network volume, through RunPod's S3 door; None without keys to it.

    The door knows no presigned addresses and no deletion of many at once.

    Args:
        settings: whose volume.
        data_center: where it is, when `RUNPOD_S3_REGION` does not say so.
        timeout: as in `object_store`.
    """
    secret, volume = settings.runpod_s3_secret_key, settings.runpod_network_volume_id
    region = settings.runpod_s3_region or data_center
    if not (settings.runpod_s3_access_key and secret and volume and region):
        return None
    return S3Store(
        bucket=volume,
        region=region,
        endpoint_url=settings.runpod_s3_endpoint_url or f"https://s3api-{region.lower()}.runpod.io",
        access_key=settings.runpod_s3_access_key,
        secret_key=secret.get_secret_value(),
        url_seconds=settings.url_seconds,
        timeout=timeout,
    )


def bucket(settings: Settings, *, timeout: float | None = None) -> Bucket:
    """The rules of the photo bucket. The arguments are those of `object_store`."""
    secret = settings.aws_secret_access_key
    return S3Bucket(
        bucket=settings.s3_bucket,
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        access_key=settings.aws_access_key_id,
        secret_key=secret.get_secret_value() if secret else None,
        timeout=timeout,
    )


def cloudfront(settings: Settings) -> CloudFront | None:
    """What opens the bucket's objects to people; None without a domain: S3 does so itself.

    Raises:
        SettingsInvalid: there is a domain, but no key that CloudFront could trust. A distribution
            that asks for no signature would show private objects to anybody, so none is used.
    """
    if settings.cloudfront_domain is None:
        return None
    key_pair_id, private_key = settings.cloudfront_key_pair_id, settings.cloudfront_private_key
    if key_pair_id is None or private_key is None:
        raise SettingsInvalid(
            "CLOUDFRONT_DOMAIN is set: CLOUDFRONT_KEY_PAIR_ID and CLOUDFRONT_PRIVATE_KEY must be "
            "as well, since private photos are never served by unsigned addresses."
        )
    return CloudFront(
        domain=settings.cloudfront_domain,
        key_pair_id=key_pair_id,
        private_key=private_key.get_secret_value(),
    )


def database(settings: Settings, stack: AsyncExitStack) -> Database:
    """The connections of this process; closed with the stack."""
    database = Database(
        settings.database_url.get_secret_value(), pool_size=settings.database_connections
    )
    stack.push_async_callback(database.close)
    return database


def photo_decoder(settings: Settings) -> PhotoDecoder:
    """Who decodes photos, in processes of their own."""
    limits = PhotoLimits(max_bytes=settings.max_upload_mb << 20, max_pixels=settings.max_pixels)
    return PillowPhotoDecoder(limits)


def video_decoder(settings: Settings) -> VideoDecoder:
    """Who reads the videos that graphs made, in processes of their own."""
    del settings  # nothing about it is anybody's to set
    return PyAvVideoDecoder()


def prompt_screening(settings: Settings, stack: AsyncExitStack) -> PromptScreening:
    """Who judges prompts: the built-in rules, and the service that is set, if one is."""
    if settings.prompt_screening_url is None:
        return RuleScreening()
    token = settings.prompt_screening_token
    service = HttpScreening(
        settings.prompt_screening_url,
        token=token.get_secret_value() if token else None,
        seconds=settings.prompt_screening_seconds,
    )
    stack.push_async_callback(service.close)
    return service


def gpu_cloud(settings: Settings, stack: AsyncExitStack) -> GpuCloud:
    """The account that pods are rented from. Raises `SettingsInvalid` without its key."""
    if settings.runpod_api_key is None:
        raise SettingsInvalid("RUNPOD_API_KEY is not set.")
    cloud = RunPodCloud(
        api_url=settings.runpod_api_url,
        key=settings.runpod_api_key.get_secret_value(),
        proxy_url=settings.runpod_proxy_url,
    )
    stack.push_async_callback(cloud.close)
    return cloud


def payments(settings: Settings, stack: AsyncExitStack) -> Payments | None:
    """The account that people pay to; None without its key: then nothing can be bought.

    Raises:
        SettingsInvalid: the key or the address cannot be one.
    """
    if settings.stripe_secret_key is None:
        return None
    secret = settings.stripe_webhook_secret
    account = StripePayments(
        key=settings.stripe_secret_key.get_secret_value(),
        webhook_secret=secret.get_secret_value() if secret else "",
        api_url=settings.stripe_api_url,
    )
    stack.push_async_callback(account.close)
    return account


@asynccontextmanager
async def open_cloud(settings: Settings) -> AsyncIterator[GpuCloud]:
    """The account alone, for one event loop. Raises `SettingsInvalid` without its key."""
    async with AsyncExitStack() as stack:
        yield gpu_cloud(settings, stack)
