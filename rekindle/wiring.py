"""The only place that names adapters: settings in, ports out."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.comfyui.relay import HttpComfyRelay
from rekindle.adapters.oidc import OidcVerifier
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.adapters.rented_pods import RentedDoors
from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.adapters.runpod.pod_self import RunPodSelf
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.schedules import TemporalSchedules, planned
from rekindle.adapters.static_pods import StaticPods
from rekindle.adapters.temporal import (
    FixedCapacity,
    TemporalJobs,
    TemporalPodOwners,
    connect,
    register_search_attributes,
)
from rekindle.errors import SettingsInvalid
from rekindle.ports.comfy import Comfy
from rekindle.ports.gpu_cloud import GpuCloud
from rekindle.ports.identity import TokenVerifier
from rekindle.ports.jobs import JobCommands
from rekindle.ports.objects import ObjectStore
from rekindle.ports.photos import PhotoDecoder, PhotoLimits
from rekindle.ports.pod_self import PodSelf
from rekindle.ports.pods import Capacity, PodDoor, PodLauncher, PodOwners
from rekindle.ports.relay import ComfyRelay
from rekindle.ports.schedules import Schedules
from rekindle.settings import Settings
from rekindle.store.database import Database


@dataclass(frozen=True)
class ApiPorts:
    """What the API needs from the world."""

    database: Database
    objects: ObjectStore
    photos: PhotoDecoder
    tokens: TokenVerifier
    jobs: JobCommands


@dataclass(frozen=True)
class FixedPods:
    """Servers that somebody else looks after."""

    launcher: PodLauncher
    capacity: Capacity


@dataclass(frozen=True)
class WorkerPorts:
    """What a worker needs from the world.

    Attributes:
        door: to the pods, fixed or rented.
        owners: the `GpuPod` workflows.
        cloud: from which pods are rented; None when only the fixed ones are used.
    """

    settings: Settings
    client: Client
    database: Database
    objects: ObjectStore
    photos: PhotoDecoder
    door: PodDoor
    owners: PodOwners
    schedules: Schedules
    fixed: FixedPods
    cloud: GpuCloud | None


@asynccontextmanager
async def open_api(settings: Settings) -> AsyncIterator[ApiPorts]:
    """The API's ports for one event loop. Connections are made when first needed."""
    async with AsyncExitStack() as stack:
        client = await connect(settings.temporal_address, settings.temporal_namespace, lazy=True)
        tokens = OidcVerifier(settings.issuer, settings.auth0_audience)
        stack.push_async_callback(tokens.aclose)
        yield ApiPorts(
            database=_database(settings, stack),
            objects=object_store(settings),
            photos=_photos(settings),
            tokens=tokens,
            jobs=TemporalJobs(client),
        )


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[WorkerPorts]:
    """A worker's ports for one event loop. Raises `WorkflowsUnavailable` without Temporal."""
    async with AsyncExitStack() as stack:
        client = await connect(settings.temporal_address, settings.temporal_namespace)
        await register_search_attributes(client)
        database = _database(settings, stack)
        owners = TemporalPodOwners(client)
        cloud = gpu_cloud(settings, stack) if settings.rents_pods else None
        servers = _fixed_pods(settings, stack)
        yield WorkerPorts(
            settings=settings,
            client=client,
            database=database,
            objects=object_store(settings),
            photos=_photos(settings),
            door=servers if cloud is None else _rented_doors(settings, cloud, database, stack),
            owners=owners,
            schedules=TemporalSchedules(client, planned(settings)),
            fixed=FixedPods(servers, FixedCapacity(owners, len(settings.comfyui_urls))),
            cloud=cloud,
        )


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


@asynccontextmanager
async def open_cloud(settings: Settings) -> AsyncIterator[GpuCloud]:
    """The account alone, for one event loop. Raises `SettingsInvalid` without its key."""
    async with AsyncExitStack() as stack:
        yield gpu_cloud(settings, stack)


def _rented_doors(
    settings: Settings, cloud: GpuCloud, database: Database, stack: AsyncExitStack
) -> RentedDoors:
    doors = RentedDoors(
        cloud,
        database,
        secret_key=settings.secret_key.get_secret_value(),
        timeout=min(settings.request_timeout, 90.0),  # the proxy cuts at 100 s
    )
    stack.push_async_callback(doors.close)
    return doors


def object_store(settings: Settings, *, timeout: float | None = None) -> ObjectStore:
    """The photo bucket.

    Args:
        settings: whose bucket.
        timeout: for a hasty caller: longest wait for one answer, seconds, without retries.
    """
    secret = settings.aws_secret_access_key
    return S3Store(
        bucket=settings.s3_bucket,
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        access_key=settings.aws_access_key_id,
        secret_key=secret.get_secret_value() if secret else None,
        url_seconds=settings.url_seconds,
        timeout=timeout,
    )


def _database(settings: Settings, stack: AsyncExitStack) -> Database:
    database = Database(
        settings.database_url.get_secret_value(), pool_size=settings.database_connections
    )
    stack.push_async_callback(database.close)
    return database


def _photos(settings: Settings) -> PhotoDecoder:
    limits = PhotoLimits(max_bytes=settings.max_upload_mb << 20, max_pixels=settings.max_pixels)
    return PillowPhotoDecoder(limits)


def _fixed_pods(settings: Settings, stack: AsyncExitStack) -> StaticPods:
    token = settings.comfyui_token
    servers = [
        ComfyClient(
            url,
            token=token.get_secret_value() if token else None,
            timeout=settings.request_timeout,
        )
        for url in settings.comfyui_urls
    ]
    for server in servers:
        stack.push_async_callback(server.close)
    return StaticPods(servers, places=settings.max_concurrent_tasks)


@dataclass(frozen=True)
class AgentPorts:
    """What the on-pod agent needs from the world.

    Attributes:
        pod: None on a machine that is no rented pod.
    """

    comfy: Comfy
    relay: ComfyRelay
    pod: PodSelf | None


@asynccontextmanager
async def open_agent(
    *, comfyui_url: str, api_url: str, pod_id: str | None, api_key: str | None, timeout: float
) -> AsyncIterator[AgentPorts]:
    """The on-pod agent's ports for one event loop.

    Args:
        comfyui_url: the ComfyUI beside it.
        api_url: address of RunPod's REST API.
        pod_id: of this pod; without it, or without its key, there is no pod to end.
        api_key: the pod-scoped key.
        timeout: longest wait for ComfyUI, seconds.
    """
    async with AsyncExitStack() as stack:
        comfy = ComfyClient(comfyui_url, timeout=timeout)
        stack.push_async_callback(comfy.close)
        relay = HttpComfyRelay(comfyui_url, timeout=timeout)
        stack.push_async_callback(relay.close)
        pod = None
        if pod_id and api_key:
            pod = RunPodSelf(api_url=api_url, pod_id=pod_id, api_key=api_key)
            stack.push_async_callback(pod.close)
        yield AgentPorts(comfy, relay, pod)
