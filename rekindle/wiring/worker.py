"""A worker's ports."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.job_deletion import TemporalDeletions, TemporalJobWorkflows
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.outbound import OutboundSender
from rekindle.adapters.rented_pods import RentedDoors
from rekindle.adapters.schedules import TemporalSchedules, planned
from rekindle.adapters.static_pods import StaticPods
from rekindle.adapters.temporal import (
    FixedCapacity,
    TemporalPodOwners,
    connect,
    register_search_attributes,
)
from rekindle.adapters.webhook_workflows import TemporalWebhooks
from rekindle.ports.deletion import DeletionCommands, JobWorkflows
from rekindle.ports.gpu_cloud import GpuCloud
from rekindle.ports.objects import ObjectStore
from rekindle.ports.orders import OrderCommands
from rekindle.ports.payments import Payments
from rekindle.ports.photos import PhotoDecoder
from rekindle.ports.pods import Capacity, PodDoor, PodLauncher, PodOwners
from rekindle.ports.schedules import Schedules
from rekindle.ports.videos import VideoDecoder
from rekindle.ports.webhooks import WebhookCommands, WebhookSender
from rekindle.settings import Settings
from rekindle.store.database import Database
from rekindle.wiring.parts import (
    database,
    gpu_cloud,
    object_store,
    payments,
    photo_decoder,
    video_decoder,
)


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
        payments: None where nothing can be bought.
    """

    settings: Settings
    client: Client
    database: Database
    objects: ObjectStore
    photos: PhotoDecoder
    videos: VideoDecoder
    door: PodDoor
    owners: PodOwners
    schedules: Schedules
    fixed: FixedPods
    cloud: GpuCloud | None
    payments: Payments | None
    orders: OrderCommands
    deletions: DeletionCommands
    job_workflows: JobWorkflows
    webhooks: WebhookCommands
    webhook_sender: WebhookSender


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[WorkerPorts]:
    """A worker's ports for one event loop. Raises `WorkflowsUnavailable` without Temporal."""
    async with AsyncExitStack() as stack:
        client = await connect(settings.temporal_address, settings.temporal_namespace)
        await register_search_attributes(client)
        tables = database(settings, stack)
        owners = TemporalPodOwners(client)
        cloud = gpu_cloud(settings, stack) if settings.rents_pods else None
        servers = _fixed_pods(settings, stack)
        yield WorkerPorts(
            settings=settings,
            client=client,
            database=tables,
            objects=object_store(settings),
            photos=photo_decoder(settings),
            videos=video_decoder(settings),
            door=servers if cloud is None else _rented_doors(settings, cloud, tables, stack),
            owners=owners,
            schedules=TemporalSchedules(client, planned(settings)),
            fixed=FixedPods(servers, FixedCapacity(owners, len(settings.comfyui_urls))),
            cloud=cloud,
            payments=payments(settings, stack),
            orders=TemporalOrders(client),
            deletions=TemporalDeletions(client),
            job_workflows=TemporalJobWorkflows(client),
            webhooks=TemporalWebhooks(client),
            webhook_sender=OutboundSender(allow_private=settings.allow_private_webhooks),
        )


def _rented_doors(
    settings: Settings, cloud: GpuCloud, tables: Database, stack: AsyncExitStack
) -> RentedDoors:
    doors = RentedDoors(
        cloud,
        tables,
        secret_key=settings.secret_key.get_secret_value(),
        timeout=min(settings.request_timeout, 90.0),  # the proxy cuts at 100 s
    )
    stack.push_async_callback(doors.close)
    return doors


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
