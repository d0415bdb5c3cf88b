"""Scaling the fleet: gather facts, ask the policy, start and drain owners; reap what has none."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from temporalio import activity

from activities.failures import as_failures
from activities.pods.candidates import Candidates
from activities.pods.ended import gone_since
from activities.pods.settling import Settling
from rekindle.contracts.fleet import Reaped, ScaleClass, Scaled
from rekindle.contracts.pods import PodEnding
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import CloudUnavailable
from rekindle.ports.gpu_cloud import CloudPhase, CloudPod, GpuCloud
from rekindle.ports.pods import PodOwners
from rekindle.rules.pods import fleet_prefix, number_in
from rekindle.rules.scaling import ClassPolicy, Money, PodPhase, decide
from rekindle.store import fleet, pods
from rekindle.store.database import Database
from rekindle.store.fleet import FleetFacts

_LOG = structlog.get_logger(__name__)


class Fleet:
    """The rented pods of all classes (`ports.pods.Capacity`).

    The schedule and a render that finds no capacity go the same way, and any number of them at
    once: an owner's id bounds what they can start.
    """

    def __init__(
        self,
        *,
        owners: PodOwners,
        database: Database,
        candidates: Candidates,
        policies: Mapping[GpuClass, ClassPolicy],
        failures_allowed: int,
        typical: Mapping[str, float],
    ) -> None:
        """Scale by these policies.

        Args:
            failures_allowed: a machine on which so many jobs failed is drained.
            typical: GPU seconds that each graph usually takes, by its name; measured ones go first.
        """
        self._owners = owners
        self._database = database
        self._candidates = candidates
        self._policies = policies
        self._failures_allowed = failures_allowed
        self._typical = typical
        self._looks: dict[GpuClass, _Look] = {}

    async def request(self, gpu_class: GpuClass) -> None:
        """See `Capacity.request`. Calls that come during a look share the next one."""
        look = self._looks.setdefault(gpu_class, _Look())
        ticket = look.ask()
        async with look.turn:
            if look.is_done(ticket):
                return
            covered = look.asked
            await self.scale(gpu_class)
            look.done = covered

    async def scale(self, gpu_class: GpuClass) -> Scaled:
        """Do what the policy says about a class now. Idempotent.

        Raises:
            DatabaseUnavailable, WorkflowsUnavailable, CloudUnavailable: nothing is known or can
                be done; the next look goes on.
        """
        policy = self._policies[gpu_class]
        async with self._database.transaction() as session:
            facts = await fleet.facts(session, gpu_class, self._typical)
        decision = decide(
            datetime.now(UTC),
            policy,
            facts.demand,
            facts.pods,
            measured=facts.measured,
            money=await self._with_price(gpu_class, facts),
        )
        bad = self._bad(facts)
        started = [n for n in decision.start if await self._owners.start(gpu_class, n)]
        drained = [
            n
            for n in sorted({*decision.drain, *decision.finish, *bad})
            if await self._owners.drain(gpu_class, n)
        ]
        scaled = Scaled(
            gpu_class=gpu_class,
            wanted=decision.wanted,
            started=tuple(started),
            drained=tuple(drained),
            reason=", ".join([*decision.reasons, *(["bad machine"] if bad else [])]),
        )
        async with self._database.transaction() as session:
            await fleet.decided(session, scaled)
        if started or drained:
            _LOG.info("fleet_scaled", **scaled.model_dump(mode="json"))
        return scaled

    async def _with_price(self, gpu_class: GpuClass, facts: FleetFacts) -> Money:
        if facts.money.candidate:
            return facts.money
        return await self._candidates.priced(gpu_class, facts.money)

    def _bad(self, facts: FleetFacts) -> set[int]:
        """Pods on machines that fail jobs, which end what they hold; also idle ones that alone are
        left for a job that they failed before.
        """
        ready = {p.number for p in facts.pods if p.phase is PodPhase.READY}
        idle = {p.number for p in facts.pods if p.is_idle}
        failing = {n for n in ready if facts.failures.get(n, 0) >= self._failures_allowed}
        return failing | (idle & set(facts.useless))


class _Look:
    """Turns at looking: whoever asked before a look began is served by it."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.asked = 0
        self.done = 0

    def ask(self) -> int:
        self.asked += 1
        return self.asked

    def is_done(self, ticket: int) -> bool:
        return self.done >= ticket


class FleetActivities:
    """What `AutoscalePods` has done."""

    def __init__(
        self,
        *,
        scaler: Fleet | None,
        cloud: GpuCloud | None,
        owners: PodOwners,
        database: Database,
        environment: str,
    ) -> None:
        """Work through these.

        Args:
            scaler: None when nothing is rented; then there is nothing to scale either.
            environment: whose pods may be reaped.
        """
        self._scaler = scaler
        self._cloud = cloud
        self._owners = owners
        self._database = database
        self._environment = environment
        self._settling = Settling(cloud, database) if cloud is not None else None

    @activity.defn
    async def scale_class(self, asked: ScaleClass) -> Scaled:
        """Scale one class. Idempotent."""
        if self._scaler is None:
            return Scaled(gpu_class=asked.gpu_class, wanted=0, reason="nothing is rented")
        with as_failures():
            return await self._scaler.scale(asked.gpu_class)

    @activity.defn
    async def reap_pods(self) -> Reaped:
        """Return every pod with our prefix that no open `GpuPod` owns. Idempotent."""
        if self._cloud is None:
            return Reaped()
        with as_failures():
            found = await self._cloud.find(fleet_prefix(self._environment))
            strays = [pod for pod in found if await self._is_stray(pod)]
            returned = [pod for pod in strays if await _returned(self._cloud, pod)]
            await self._close_forgotten(
                self._cloud, {pod.name for pod in found}, {pod.cloud_id for pod in returned}
            )
            if self._settling is not None:
                await self._settling.settle()
            return Reaped(cloud_ids=tuple(pod.cloud_id for pod in strays))

    async def _is_stray(self, pod: CloudPod) -> bool:
        if pod.phase is CloudPhase.TERMINATED:
            return False
        place = number_in(self._environment, pod.name)
        if place is None:
            return False  # somebody else's, who chose a name like ours
        # First the row, then the owner: an owner that opens meanwhile writes its row later.
        async with self._database.transaction() as session:
            row = await pods.open_of(session, *place)
        if not await self._owners.is_open(*place):
            return True
        return row is not None and row.cloud_id is not None and row.cloud_id != pod.cloud_id

    async def _close_forgotten(self, cloud: GpuCloud, listed: set[str], returned: set[str]) -> None:
        """Close rows whose owner was terminated by hand and whose machine is gone.

        Args:
            listed: names of the pods that the cloud lists.
            returned: cloud ids of those among them that were just returned.
        """
        async with self._database.transaction() as session:
            rows = await pods.all_open(session)
        for row in rows:
            place = (GpuClass(row.gpu_class), row.number)
            is_returned = row.cloud_id in returned
            rented = row.token_salt is not None
            if not rented or (row.id in listed and not is_returned):
                continue
            if await self._owners.is_open(*place):
                continue
            ended_at = None if is_returned else await gone_since(cloud, row)
            if ended_at is None and row.cloud_id is not None and not is_returned:
                continue  # the listing lags: the machine is there, and the next look returns it
            if not await self._owners.is_open(*place):
                async with self._database.transaction() as session:
                    await pods.close(session, *place, PodEnding.REAPED, ended_at=ended_at)


async def _returned(cloud: GpuCloud, pod: CloudPod) -> bool:
    """Return a stray; whether the cloud confirms that it is gone."""
    _LOG.warning("pod_reaped", pod=pod.name, cloud_id=pod.cloud_id)
    try:
        await cloud.terminate(pod.cloud_id)
        told = await cloud.get(pod.cloud_id)
    except CloudUnavailable as error:  # the next look finds it again
        _LOG.warning("pod_not_reaped", pod=pod.name, why=str(error))
        return False
    return told is None or told.phase is CloudPhase.TERMINATED
