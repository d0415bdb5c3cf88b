"""The pod ledger: every machine that was attached, and when it could work."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from rekindle.models.columns import moment, row_time


class PodState(StrEnum):
    """What a pod is doing."""

    LAUNCHING = "launching"
    READY = "ready"
    UNREACHABLE = "unreachable"
    TERMINATED = "terminated"


class PodRecord(SQLModel, table=True):
    """One pod by its id."""

    __tablename__ = "pods"

    id: str = Field(primary_key=True)
    gpu_class: str
    number: int
    generation: int
    state: str = PodState.LAUNCHING
    created_at: datetime = row_time()
    ready_at: datetime | None = moment()
    seen_at: datetime | None = moment()
    terminated_at: datetime | None = moment()
