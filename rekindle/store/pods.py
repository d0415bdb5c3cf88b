"""The pod ledger."""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.pods import Pod
from rekindle.models import PodRecord
from rekindle.models.pods import PodState


async def record(session: AsyncSession, pod: Pod) -> None:
    """Write the row of a launched pod; one that comes back under its name is open again."""
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
            set_={"state": PodState.LAUNCHING, "terminated_at": None},
        )
    )


async def note(session: AsyncSession, pod_id: str, state: PodState) -> None:
    """Record what a pod is doing now."""
    values: dict[str, object] = {"state": state}
    if state is PodState.READY:
        values |= {
            "ready_at": func.coalesce(PodRecord.ready_at, func.now()),
            "seen_at": func.now(),
        }
    if state is PodState.TERMINATED:
        values["terminated_at"] = func.now()
    await session.execute(update(PodRecord).where(col(PodRecord.id) == pod_id).values(values))


async def any_ready(session: AsyncSession) -> bool:
    """Whether some pod could take work when it was last looked at."""
    statement = select(col(PodRecord.id)).where(col(PodRecord.state) == PodState.READY).limit(1)
    return (await session.execute(statement)).scalar_one_or_none() is not None
