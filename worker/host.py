"""One worker process: its Temporal workers, its GPU slots, and how it leaves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from temporalio.worker import (
    FixedSizeSlotSupplier,
    PollerBehaviorSimpleMaximum,
    WorkerTuner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.attempts import AttemptActivities
from activities.deletion import DeletionActivities
from activities.graphs import GraphActivities, SlotActivities
from activities.jobs import JobActivities
from activities.orders import OrderActivities
from activities.pods import PodActivities
from activities.retention import RetentionActivities
from activities.sweep import SweepActivities
from activities.uploads import UploadActivities
from rekindle.contracts import queues
from rekindle.contracts.statuses import GpuClass
from rekindle.settings import Settings
from rekindle.wiring.worker import WorkerPorts
from worker.fleet import fleet_parts
from worker.orders import order_terms
from worker.polling import Worker
from worker.seats import PodSeats
from worker.slots import GpuSlotSupplier
from worker.webhooks import WebhookStarter, webhook_worker
from workflows_temporal.autoscale_pods import AutoscalePods
from workflows_temporal.delete_job import DeleteJob
from workflows_temporal.deliver_webhook import DeliverWebhook
from workflows_temporal.gpu_pod import GpuPod
from workflows_temporal.hd_order import HdOrder
from workflows_temporal.photo_job import PhotoJob
from workflows_temporal.render import Render
from workflows_temporal.sweep import Sweep

_LOG = structlog.get_logger(__name__)
WORKFLOWS = (PhotoJob, Render, HdOrder, DeleteJob, GpuPod, AutoscalePods, DeliverWebhook, Sweep)
_THROTTLE = timedelta(seconds=2)
"""Between two heartbeats of an activity that are sent: so late it may learn of its cancellation."""
_POD_THROTTLE = timedelta(seconds=4)
"""The same for a pod, which is drained when nobody waits: each costs the server a write."""
_CACHED = 250
"""Workflows whose state is kept in memory, about 45 KB each; a waiting job beyond that costs none,
and is replayed from its short history when something happens to it."""
_GRACE = timedelta(seconds=5)
_STICKY = timedelta(seconds=1)
"""How long a workflow task waits for the process that has its state; 10 s would delay recovery."""


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox with our own packages passed through: preparing takes ms instead of seconds."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "activities", "comfy_graphs", "rekindle", "workflows_temporal", "sqlmodel", "sqlalchemy"
        )
    )


def _longest_deadline(settings: Settings) -> float:
    """After so many seconds no attempt waits for its prompt any more."""
    return max(
        settings.restore_deadline,
        settings.animation_deadline,
        settings.generation_deadline,
        settings.hd_deadline,
    )


@dataclass
class WorkerHost:
    """Everything one process polls for.

    Attributes:
        leaving: set it to stop: running prompts and pods are handed over at once.
    """

    ports: WorkerPorts
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Make the seats of each GPU class. Raises `SettingsInvalid` when there can be no pod."""
        self.fleet = fleet_parts(self.ports)
        self.seats = {gpu_class: PodSeats() for gpu_class in GpuClass}

    def workers(self) -> list[Worker]:
        """The Temporal workers of this process; one per GPU class counts pods as its slots."""
        return [
            self._control(),
            self._pods(),
            webhook_worker(self.ports),
            *(self._gpu(c) for c in GpuClass),
        ]

    def _control(self) -> Worker:
        ports = self.ports
        attempts = AttemptActivities(
            database=ports.database,
            objects=ports.objects,
            photos=ports.photos,
            videos=ports.videos,
            capacity=self.fleet.capacity,
        )
        graphs = GraphActivities(
            door=ports.door, objects=ports.objects, database=ports.database, leaving=self.leaving
        )
        jobs = JobActivities(ports.database)
        orders = OrderActivities(
            database=ports.database, payments=ports.payments, terms=order_terms(ports.settings)
        )
        sweep = SweepActivities(
            database=ports.database, payments=ports.payments, orders=ports.orders
        )
        uploads = UploadActivities(
            database=ports.database,
            objects=ports.objects,
            abandoned_hours=ports.settings.abandoned_upload_hours,
        )
        deletion = DeletionActivities(
            database=ports.database,
            objects=ports.objects,
            workflows=ports.job_workflows,
            orders=ports.orders,
        )
        retention = RetentionActivities(
            database=ports.database,
            objects=ports.objects,
            deletions=ports.deletions,
            orders=ports.orders,
            retention=ports.settings.retention,
        )
        return Worker(
            self.ports.client,
            task_queue=queues.CONTROL,
            workflows=WORKFLOWS,
            activities=[
                attempts.admit_attempt,
                attempts.finish_attempt,
                attempts.close_attempt,
                graphs.attach_graph,
                jobs.select_attempt,
                orders.open_checkout,
                orders.reconcile_order,
                orders.prepare_hd,
                orders.prepare_items,
                sweep.fetch_events,
                sweep.wake_waiting,
                sweep.wake_stuck,
                uploads.clear_uploads,
                *deletion.activities(),
                *retention.activities(),
                self.fleet.activities.scale_class,
                self.fleet.activities.reap_pods,
            ],
            workflow_runner=workflow_runner(),
            max_cached_workflows=_CACHED,
            max_heartbeat_throttle_interval=_THROTTLE,
            sticky_queue_schedule_to_start_timeout=_STICKY,
            graceful_shutdown_timeout=_GRACE,
        )

    def _pods(self) -> Worker:
        pods = PodActivities(
            launcher=self.fleet.launcher,
            owners=self.ports.owners,
            door=self.ports.door,
            seats=self.seats,
            database=self.ports.database,
            leaving=self.leaving,
            patience_seconds=_longest_deadline(self.ports.settings),
        )
        return Worker(
            self.ports.client,
            task_queue=queues.PODS,
            activities=[pods.launch_pod, pods.ready_pod, pods.serve_pod, pods.terminate_pod],
            max_concurrent_activities=1000,
            max_heartbeat_throttle_interval=_POD_THROTTLE,
            graceful_shutdown_timeout=_GRACE,
        )

    def _gpu(self, gpu_class: GpuClass) -> Worker:
        slots = SlotActivities(
            seats=self.seats[gpu_class],
            door=self.ports.door,
            objects=self.ports.objects,
            database=self.ports.database,
            leaving=self.leaving,
        )
        supplier = GpuSlotSupplier(self.seats[gpu_class], asyncio.get_running_loop())
        return Worker(
            self.ports.client,
            task_queue=queues.gpu(gpu_class),
            activities=[slots.run_graph],
            tuner=WorkerTuner.create_composite(
                workflow_supplier=FixedSizeSlotSupplier(2),
                activity_supplier=supplier,
                local_activity_supplier=FixedSizeSlotSupplier(1),
                nexus_supplier=FixedSizeSlotSupplier(1),
            ),
            activity_task_poller_behavior=PollerBehaviorSimpleMaximum(1),
            disable_eager_activity_execution=True,
            max_heartbeat_throttle_interval=_THROTTLE,
            graceful_shutdown_timeout=_GRACE,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll until the block ends, then hand everything over and stop."""
        async with AsyncExitStack() as stack:
            for worker in self.workers():
                await stack.enter_async_context(worker)
            starter = WebhookStarter(self.ports.database, self.ports.webhooks)
            await stack.enter_async_context(starter.running())
            _LOG.info("worker_started")
            try:
                yield
            finally:
                self.leaving.set()
        _LOG.info("worker_stopped")
