"""The pod ledger: every machine that was rented or attached, what it did and what it cost."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Column, Field, SQLModel

from rekindle.models.columns import moment, row_time


class PodState(StrEnum):
    """What a pod is doing."""

    LAUNCHING = "launching"
    BOOTING = "booting"
    READY = "ready"
    UNREACHABLE = "unreachable"
    DRAINING = "draining"
    TERMINATED = "terminated"


OPEN = text("terminated_at is null")


class PodRecord(SQLModel, table=True):
    """One pod by its name, written before it is rented and kept for good.

    Attributes:
        id: the pod's name, which ends in its generation.
        cloud_id: the cloud's id once it is rented; None for a fixed server.
        machine: the host it runs on, as the pod itself tells.
        token_salt: what this pod's token is derived from; useless without SECRET_KEY.
        usd_per_hour: as billed.
        graphs: names of the packs that this pod's server can run; None until it was asked.
        rented_at: from when it is billed.
        cost_usd: what it cost in all; written at its end.
        end_reason: why it ended, in one word.
    """

    __tablename__ = "pods"
    __table_args__ = (
        Index("ix_pods_open", "gpu_class", "number", unique=True, postgresql_where=OPEN),
        Index("ix_pods_ended", "terminated_at"),
    )

    id: str = Field(primary_key=True)
    gpu_class: str
    number: int
    generation: int
    state: str = PodState.LAUNCHING
    cloud_id: str | None = Field(default=None, unique=True)
    machine: str | None = None
    gpu_type: str | None = None
    data_center: str | None = None
    token_salt: str | None = None
    graphs: list[str] | None = Field(default=None, sa_column=Column(JSONB))
    usd_per_hour: Decimal | None = Field(default=None, sa_type=Numeric(12, 6))
    created_at: datetime = row_time()
    rented_at: datetime | None = moment()
    running_at: datetime | None = moment()
    ready_at: datetime | None = moment()
    seen_at: datetime | None = moment()
    terminated_at: datetime | None = moment()
    cost_usd: Decimal | None = Field(default=None, sa_type=Numeric(14, 6))
    end_reason: str | None = None


class GpuUse(SQLModel, table=True):
    """One try of an attempt on a pod: what it used, and how it ended there.

    Attributes:
        gpu_seconds: from the server's start to its end of the prompt.
        usd_per_hour: the pod's rate then; None on a fixed server.
        error_code: None when it succeeded.
    """

    __tablename__ = "gpu_uses"
    __table_args__ = (Index("ix_gpu_uses_pod", "pod_id"), Index("ix_gpu_uses_ended", "ended_at"))

    attempt_id: UUID = Field(primary_key=True)
    try_number: int = Field(primary_key=True)
    pod_id: str
    machine: str | None = None
    gpu_class: str
    graph: str
    gpu_seconds: float
    usd_per_hour: Decimal | None = Field(default=None, sa_type=Numeric(12, 6))
    error_code: str | None = None
    ended_at: datetime = row_time()


class FleetDecision(SQLModel, table=True):
    """The last scaling decision of a class: who looks at it knows that somebody scales."""

    __tablename__ = "fleet_decisions"

    gpu_class: str = Field(primary_key=True)
    wanted: int
    reason: str
    decided_at: datetime = row_time()
