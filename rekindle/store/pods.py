"""The pod ledger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Numeric, cast, false, func, select, text, true, union_all, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.pods import Pod, PodEnding
from rekindle.contracts.statuses import GpuClass, Stage
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.ports.gpu_cloud import CloudPod
from rekindle.rules.graphs import CheckedPod

_REMEMBERED = timedelta(hours=1)
"""How long a GPU type that did not boot is asked for last."""
_LAST_WORD = timedelta(days=1)
"""How long what an ended pod could run counts: models may have come meanwhile, and while nobody
can ask for a graph no new pod would tell."""


async def record(session: AsyncSession, pod: Pod) -> None:
    """Write the row of a fixed server; one that comes back under its name is open again."""
    await _close(session, pod.gpu_class, pod.number, PodEnding.GONE, but=pod.pod_id)
    row = insert(PodRecord).values(
        id=pod.pod_id,
        gpu_class=pod.gpu_class,
        number=pod.number,
        generation=pod.generation,
        state=PodState.LAUNCHING,
    )
    await session.execute(
        row.on_conflict_do_update(
            index_elements=[PodRecord.id],
            set_={"state": PodState.LAUNCHING, "terminated_at": None, "end_reason": None},
        )
    )


async def intend(
    session: AsyncSession,
    gpu_class: GpuClass,
    number: int,
    *,
    name: Callable[[int], str],
    token_salt: str,
) -> PodRecord:
    """The open row of this number, made if there is none: the next generation. Idempotent.

    Args:
        name: of a generation.
        token_salt: for a new row.
    """
    found = await open_of(session, gpu_class, number)
    if found is not None:
        return found
    last = await session.execute(
        select(func.max(col(PodRecord.generation))).where(
            col(PodRecord.gpu_class) == gpu_class, col(PodRecord.number) == number
        )
    )
    generation = (last.scalar_one_or_none() or 0) + 1
    row = PodRecord(
        id=name(generation),
        gpu_class=gpu_class,
        number=number,
        generation=generation,
        token_salt=token_salt,
    )
    await session.execute(
        insert(PodRecord).values(**row.model_dump(exclude={"created_at"})).on_conflict_do_nothing()
    )
    made = await open_of(session, gpu_class, number)
    return row if made is None else made


async def asked(session: AsyncSession, pod_id: str, gpu_type: str | None) -> None:
    """Note that this type is about to be rented; None that surely nothing was.

    Nothing is noted where somebody has rented meanwhile: then that is what counts.
    """
    rented_at = func.now() if gpu_type else None
    await session.execute(
        update(PodRecord)
        .where(
            col(PodRecord.id) == pod_id,
            col(PodRecord.terminated_at).is_(None),
            col(PodRecord.cloud_id).is_(None),
        )
        .values(gpu_type=gpu_type, rented_at=rented_at)
    )


async def rented(session: AsyncSession, pod_id: str, rented: CloudPod) -> None:
    """Note the machine that was rented, by its cloud id. Idempotent."""
    await _set(
        session,
        pod_id,
        state=PodState.BOOTING,
        cloud_id=rented.cloud_id,
        rented_at=rented.created_at or func.coalesce(col(PodRecord.rented_at), func.now()),
        **_told(rented),
    )


async def running(session: AsyncSession, pod_id: str, told: CloudPod) -> None:
    """Note that its container was started."""
    now = func.coalesce(col(PodRecord.running_at), func.now())
    await _set(session, pod_id, running_at=now, **_told(told))


async def booted(
    session: AsyncSession, pod_id: str, *, machine: str, graphs: Sequence[str]
) -> None:
    """Note that it can work, and on what."""
    await _set(session, pod_id, machine=machine, graphs=list(graphs))
    await note(session, pod_id, PodState.READY)


async def note_graphs(session: AsyncSession, pod_id: str, graphs: Sequence[str]) -> None:
    """Note the packs it can run."""
    await _set(session, pod_id, graphs=list(graphs))


async def note(
    session: AsyncSession, pod_id: str, state: PodState, *, seen_ago: float | None = None
) -> None:
    """Record what a pod is doing now; one that has ended stays so.

    Args:
        seen_ago: how long ago it answered last, seconds; a ready one does now.
    """
    values: dict[str, object] = {"state": state}
    if state is PodState.READY:
        values |= {
            "ready_at": func.coalesce(col(PodRecord.ready_at), func.now()),
            "seen_at": func.now(),
        }
    elif seen_ago is not None:
        values["seen_at"] = func.now() - timedelta(seconds=seen_ago)
    await _set(session, pod_id, **values)


async def close(
    session: AsyncSession,
    gpu_class: GpuClass,
    number: int,
    ending: PodEnding,
    *,
    ended_at: datetime | None = None,
) -> None:
    """Close the row of a number whose machine is gone, with what it cost. Idempotent.

    Args:
        ended_at: until when it was billed, if that was before now.
    """
    await _close(session, gpu_class, number, ending, ended_at=ended_at)


async def open_of(session: AsyncSession, gpu_class: GpuClass, number: int) -> PodRecord | None:
    """The row of the pod that goes by this number now."""
    statement = select(PodRecord).where(
        col(PodRecord.gpu_class) == gpu_class,
        col(PodRecord.number) == number,
        col(PodRecord.terminated_at).is_(None),
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def all_open(session: AsyncSession) -> Sequence[PodRecord]:
    """Every pod that has not ended."""
    statement = select(PodRecord).where(col(PodRecord.terminated_at).is_(None))
    return (await session.execute(statement)).scalars().all()


async def by_id(session: AsyncSession, pod_id: str) -> PodRecord | None:
    """One pod by its name."""
    return await session.get(PodRecord, pod_id)


@dataclass(frozen=True)
class PodTry:
    """A try of an open attempt that began on a pod and has not failed there."""

    attempt_id: UUID
    try_number: int
    stage: Stage | None


_OPEN_TRIES = text("""
    select a.id, a.try_number, a.stage from pods p
    join attempts a on a.gpu_class = p.gpu_class and a.pod_id = p.id and a.status = 'running'
    where p.id = :pod_id and not exists (
        select from gpu_uses u where u.attempt_id = a.id and u.try_number = a.try_number
            and u.error_code is not null
    )
""")


async def open_tries(session: AsyncSession, pod_id: str) -> Sequence[PodTry]:
    """The tries whose rows name this pod, whoever runs or follows them."""
    rows = await session.execute(_OPEN_TRIES, {"pod_id": pod_id})
    return [PodTry(id_, number, stage and Stage(stage)) for id_, number, stage in rows]


async def any_ready(session: AsyncSession) -> bool:
    """Whether some pod could take work when it was last looked at."""
    statement = select(col(PodRecord.id)).where(
        col(PodRecord.state) == PodState.READY, col(PodRecord.terminated_at).is_(None)
    )
    return (await session.execute(statement.limit(1))).scalar_one_or_none() is not None


async def checked(session: AsyncSession) -> Sequence[CheckedPod]:
    """What the open pods can run, and the one of each class that ended last."""
    class_, graphs, ended_at = (
        col(PodRecord.gpu_class),
        col(PodRecord.graphs),
        col(PodRecord.terminated_at),
    )
    known = func.jsonb_typeof(graphs) == "array"  # not asked yet is JSON's null as well as SQL's
    ended = (
        select(class_, graphs, false())
        .ext(distinct_on(class_))
        .where(ended_at > func.now() - _LAST_WORD, known)
        .order_by(class_, ended_at.desc())
    )
    open_pods = select(class_, graphs, true()).where(ended_at.is_(None), known)
    rows = await session.execute(union_all(open_pods, ended.subquery().select()))
    return [CheckedPod(name, frozenset(found), is_open) for name, found, is_open in rows]


async def failed_gpu_types(session: AsyncSession) -> Mapping[str, int]:
    """GPU types whose pods did not become ready lately, and how many."""
    statement = (
        select(col(PodRecord.gpu_type), func.count())
        .where(
            col(PodRecord.end_reason) == PodEnding.NOT_READY,
            col(PodRecord.terminated_at) > func.now() - _REMEMBERED,
            col(PodRecord.gpu_type).is_not(None),
        )
        .group_by(col(PodRecord.gpu_type))
    )
    return {str(gpu_type): count for gpu_type, count in await session.execute(statement)}


async def _set(session: AsyncSession, pod_id: str, **values: object) -> None:
    await session.execute(
        update(PodRecord)
        .where(col(PodRecord.id) == pod_id, col(PodRecord.terminated_at).is_(None))
        .values(values)
    )


async def _close(
    session: AsyncSession,
    gpu_class: str,
    number: int,
    ending: PodEnding,
    *,
    ended_at: datetime | None = None,
    but: str = "",
) -> None:
    # Another clock than that by which it was rented must not make it shorter than nothing.
    end = func.now() if ended_at is None else func.greatest(ended_at, col(PodRecord.rented_at))
    lived = func.extract("epoch", end - col(PodRecord.rented_at))
    cost = cast(lived, Numeric) * col(PodRecord.usd_per_hour) / 3600
    await session.execute(
        update(PodRecord)
        .where(
            col(PodRecord.gpu_class) == gpu_class,
            col(PodRecord.number) == number,
            col(PodRecord.id) != but,
            col(PodRecord.terminated_at).is_(None),
        )
        .values(
            state=PodState.TERMINATED,
            terminated_at=end,
            end_reason=ending,
            cost_usd=func.coalesce(cost, 0),
        )
    )


def _told(pod: CloudPod) -> dict[str, object]:
    """What the cloud tells of a machine; what it leaves out stays."""
    told = {"gpu_type": pod.gpu_type, "data_center": pod.data_center}
    known: dict[str, object] = {name: value for name, value in told.items() if value}
    return known | ({"usd_per_hour": pod.usd_per_hour} if pod.usd_per_hour else {})
