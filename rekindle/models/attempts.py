"""Attempts at a photo; failed ones keep their code and message."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Column, Field, SQLModel

from rekindle.contracts.statuses import AttemptKind, AttemptStatus, Stage
from rekindle.models.columns import moment, row_time


class Attempt(SQLModel, table=True):
    """One restoration, animation or HD result.

    `progress` never goes back, `version` counts changes.

    Attributes:
        source_id: the attempt whose master it is made from; None for the photo itself.
        order_id: of the order that an HD result belongs to.
        stamp: names the attempt's objects.
        parameters: every value the graph ran with, seed included.
        try_number: the try that wrote last; an older try's late write is ignored.
        engine_seconds: GPU time by the server's own clock, seconds.
        seconds: length of a clip.
        fps: frames of a clip in a second.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_job", "job_id", "created_at"),
        Index("ix_attempts_arrivals", "gpu_class", "created_at"),
        Index(
            "ix_attempts_open",
            "gpu_class",
            "priority",
            postgresql_where=text("status in ('queued', 'running')"),
        ),
    )

    id: UUID = Field(primary_key=True)
    job_id: UUID = Field(foreign_key="jobs.id", ondelete="CASCADE")
    kind: str = AttemptKind.RESTORE
    source_id: UUID | None = None
    order_id: UUID | None = None
    status: str = AttemptStatus.QUEUED
    stage: str | None = Stage.QUEUED
    progress: float = 0.0
    graph: str
    graph_version: str
    gpu_class: str
    priority: int
    parameters: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    stamp: str
    try_number: int = 1
    pod_id: str | None = None
    engine_seconds: float | None = None
    master_key: str | None = None
    master_sha256: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    fps: float | None = None
    preview_key: str | None = None
    thumbnail_key: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    created_at: datetime = row_time()
    started_at: datetime | None = moment()
    finished_at: datetime | None = moment()
    version: int = Field(default=0)
