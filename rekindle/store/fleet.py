"""What the autoscaling policy needs to know of a class, and what it decided."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.fleet import Scaled
from rekindle.contracts.renders import Priority
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import DeadlineExceeded, GraphRejected, ModelMissing, PlatformError
from rekindle.models import FleetDecision
from rekindle.models.pods import PodState
from rekindle.rules.scaling import (
    WINDOWS,
    Demand,
    Measured,
    Money,
    PodFact,
    PodPhase,
    Recent,
    Waiting,
)
from rekindle.store.uses import CANCELED


@dataclass(frozen=True)
class FleetFacts:
    """One class as it is now.

    Attributes:
        failures: by number, how many jobs failed on that pod's machine lately.
        useless: numbers of ready pods that cannot take a job that waits, since their machine
            failed it before, while no other pod is ready.
    """

    demand: Demand
    pods: tuple[PodFact, ...]
    measured: Measured
    money: Money
    failures: Mapping[int, int]
    useless: tuple[int, ...]


_WAITING = """
    a.gpu_class = :gpu_class and (
        a.status = 'queued'
        or a.status = 'running' and (
            not exists (select from pods p where p.id = a.pod_id and p.terminated_at is null)
            and not exists (
                select from gpu_uses u join pods p on p.id = u.pod_id
                where u.attempt_id = a.id and u.try_number = a.try_number
                    and u.pod_id = a.pod_id and u.error_code is null
                    and p.end_reason in ('drained', 'aged')
                    and u.ended_at > now() - interval '5 minutes'
            )
            or exists (
                select from gpu_uses u
                where u.attempt_id = a.id and u.try_number = a.try_number
                    and u.error_code is not null
            )
        )
    )
"""
"""An attempt that waits for a GPU: also one whose pod is gone, or whose last try there failed.

A pod that was returned in order has given its results away: what it rendered is being finished.
Should that have failed after all, it waits again some minutes later.
"""

_QUEUED = text(f"""
    select a.priority, a.graph, count(*) as jobs from attempts a where {_WAITING} group by 1, 2
""")  # nosec B608  # noqa: S608 (no outside text)

_RUNNING = text(f"""
    select a.pod_id, a.graph, a.progress from attempts a
    where a.gpu_class = :gpu_class and a.status = 'running' and not ({_WAITING})
        and exists (select from pods p where p.id = a.pod_id and p.terminated_at is null)
""")  # nosec B608  # noqa: S608

_RECENT = text("""
    select extract(epoch from now() - a.created_at)::float as age from attempts a
    where a.gpu_class = :gpu_class and a.created_at > now() - make_interval(secs => :window)
""")

_PODS = text("""
    select p.id, p.number, p.state, p.machine, p.usd_per_hour,
        extract(epoch from now() - p.created_at)::float as age,
        extract(epoch from now() - greatest(
            p.ready_at, (select max(u.ended_at) from gpu_uses u where u.pod_id = p.id)
        ))::float as idle_for
    from pods p where p.gpu_class = :gpu_class and p.terminated_at is null
""")

_MEASURED = text("""
    with boots as (
        select extract(epoch from ready_at - created_at)::float as seconds from pods
        where gpu_class = :gpu_class and ready_at is not null and token_salt is not null
        order by created_at desc limit 20
    ), works as (
        select gpu_seconds as seconds from gpu_uses
        where gpu_class = :gpu_class and error_code is null
        order by ended_at desc limit 200
    )
    select
        (select percentile_cont(0.5) within group (order by seconds) from boots) as boot_p50,
        (select percentile_cont(0.9) within group (order by seconds) from boots) as boot_p90,
        (select avg(seconds) from works) as work_mean
""")

_GRAPHS = text("""
    with latest as (
        select graph, gpu_seconds, ended_at from gpu_uses
        where gpu_class = :gpu_class and error_code is null
        order by ended_at desc limit 500
    ), numbered as (
        select *, row_number() over (partition by graph order by ended_at desc) as n from latest
    )
    select graph, avg(gpu_seconds)::float as seconds from numbered where n <= 50 group by 1
""")

_SPENT = text("""
    select
        coalesce(sum(usd_per_hour * extract(epoch from
            upper_end - greatest(rented_at, date_trunc('hour', now(), 'UTC'))) / 3600)
            filter (where upper_end > date_trunc('hour', now(), 'UTC')), 0)::float as hour,
        coalesce(sum(usd_per_hour * extract(epoch from
            upper_end - greatest(rented_at, date_trunc('day', now(), 'UTC'))) / 3600), 0)::float
            as day,
        coalesce(sum(usd_per_hour * extract(epoch from
            upper_end - greatest(rented_at, date_trunc('hour', now(), 'UTC'))) / 3600)
            filter (where gpu_class = :gpu_class
                and upper_end > date_trunc('hour', now(), 'UTC')), 0)::float as class_hour,
        coalesce(sum(usd_per_hour * extract(epoch from
            upper_end - greatest(rented_at, date_trunc('day', now(), 'UTC'))) / 3600)
            filter (where gpu_class = :gpu_class), 0)::float as class_day,
        coalesce(sum(usd_per_hour) filter (
            where terminated_at is null and gpu_class != :gpu_class), 0)::float as elsewhere,
        coalesce((select usd_per_hour from pods where gpu_class = :gpu_class
            and usd_per_hour is not null order by created_at desc limit 1), 0)::float as candidate
    from (
        select *, coalesce(terminated_at, now()) as upper_end from pods
        where rented_at is not null
            and (terminated_at is null or terminated_at > date_trunc('day', now(), 'UTC'))
    ) rented
""")

_NO_FAULT = [
    CANCELED,
    DeadlineExceeded.code,
    GraphRejected.code,
    ModelMissing.code,
    PlatformError.code,
]
"""Ends that are not a machine's fault: any other would have come to the same."""

_FAILED = text("""
    select machine, count(distinct attempt_id) as jobs from gpu_uses
    where machine is not null and error_code <> all(:no_fault)
        and ended_at > now() - make_interval(secs => :remembered)
    group by 1
""")

_SPOILT = text(f"""
    select a.id, array_agg(u.machine) as machines from attempts a
    join gpu_uses u on u.attempt_id = a.id
        and u.error_code <> all(:no_fault) and u.machine is not null
    where {_WAITING} group by 1
""")  # nosec B608  # noqa: S608

_REMEMBERED = timedelta(hours=6)
"""How long a machine's failures count."""


async def facts(
    session: AsyncSession, gpu_class: GpuClass, typical: Mapping[str, float] | None = None
) -> FleetFacts:
    """All of it, in one transaction.

    Args:
        typical: GPU seconds of each graph that was not measured lately, by its name.
    """
    queued = await _rows(session, _QUEUED, gpu_class=gpu_class)
    running = await _rows(session, _RUNNING, gpu_class=gpu_class)
    recent = await _rows(session, _RECENT, gpu_class=gpu_class, window=WINDOWS[-1])
    pods = await _rows(session, _PODS, gpu_class=gpu_class)
    spoilt = await _rows(session, _SPOILT, gpu_class=gpu_class, no_fault=_NO_FAULT)
    remembered = _REMEMBERED.total_seconds()
    failed = await _rows(session, _FAILED, remembered=remembered, no_fault=_NO_FAULT)
    money = (await _rows(session, _SPENT, gpu_class=gpu_class))[0]
    measured = _measured((await _rows(session, _MEASURED, gpu_class=gpu_class))[0])
    graphs = await _rows(session, _GRAPHS, gpu_class=gpu_class)
    seconds = {**(typical or {}), **{row["graph"]: row["seconds"] for row in graphs}}
    busy = {row["pod_id"] for row in running}
    by_machine = {row["machine"]: row["jobs"] for row in failed}
    return FleetFacts(
        demand=Demand(
            queued=_waiting(queued, seconds, measured.work_mean),
            running=tuple(
                seconds.get(row["graph"], measured.work_mean) * (1 - row["progress"])
                for row in running
            ),
            recent=tuple(
                Recent(window, sum(row["age"] <= window for row in recent)) for window in WINDOWS
            ),
        ),
        pods=tuple(_pod(row, busy) for row in pods),
        measured=measured,
        money=Money(**money),
        failures={row["number"]: by_machine.get(row["machine"], 0) for row in pods},
        useless=_useless(pods, [set(row["machines"]) for row in spoilt]),
    )


async def decided(session: AsyncSession, scaled: Scaled) -> None:
    """Note what was decided, and that somebody decides."""
    values = {
        "wanted": scaled.wanted,
        "reason": scaled.reason,
        "decided_at": func.clock_timestamp(),
    }
    row = insert(FleetDecision).values(gpu_class=scaled.gpu_class, **values)
    await session.execute(
        row.on_conflict_do_update(index_elements=[FleetDecision.gpu_class], set_=values)
    )


async def is_scaled(session: AsyncSession, gpu_class: GpuClass, *, within: float) -> bool:
    """Whether somebody decided about a class in the last seconds."""
    since = func.now() - timedelta(seconds=within)
    statement = select(col(FleetDecision.gpu_class)).where(
        col(FleetDecision.gpu_class) == gpu_class, col(FleetDecision.decided_at) > since
    )
    return (await session.execute(statement)).scalar_one_or_none() is not None


async def _rows(session: AsyncSession, statement: Any, **values: Any) -> Sequence[RowMapping]:
    return (await session.execute(statement, values)).mappings().all()


def _waiting(
    rows: Sequence[RowMapping], seconds: Mapping[str, float], work_mean: float
) -> tuple[Waiting, ...]:
    """One entry for each priority; a graph that nobody has measured takes the mean."""
    jobs: Counter[int] = Counter()
    work: dict[int, float] = defaultdict(float)
    for row in rows:
        jobs[row["priority"]] += row["jobs"]
        work[row["priority"]] += row["jobs"] * seconds.get(row["graph"], work_mean)
    return tuple(
        Waiting(paid=priority <= Priority.PAID, jobs=jobs[priority], seconds=work[priority])
        for priority in sorted(jobs)
    )


def _measured(row: RowMapping) -> Measured:
    return Measured(**{name: float(value) for name, value in row.items() if value is not None})


_PHASES = {
    PodState.LAUNCHING: PodPhase.LAUNCHING,
    PodState.BOOTING: PodPhase.BOOTING,
    PodState.READY: PodPhase.READY,
    PodState.UNREACHABLE: PodPhase.UNREACHABLE,
}


def _pod(row: RowMapping, busy: set[str]) -> PodFact:
    phase = _PHASES.get(row["state"], PodPhase.DRAINING)
    idle = phase is PodPhase.READY and row["id"] not in busy
    return PodFact(
        number=row["number"],
        phase=phase,
        usd_per_hour=float(row["usd_per_hour"] or 0),
        age_seconds=max(row["age"], 0.0),
        idle_for=max(row["idle_for"] or 0.0, 0.0) if idle else None,
    )


def _useless(pods: Sequence[RowMapping], spoilt: Sequence[set[str]]) -> tuple[int, ...]:
    ready = {row["number"]: row["machine"] for row in pods if row["state"] == PodState.READY}
    stuck = [machines for machines in spoilt if ready and set(ready.values()) <= machines]
    return tuple(sorted(ready)) if stuck else ()
