"""The state of the service as anybody may see it: no host, no address, no message."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.documents import examples


class HealthStatus(StrEnum):
    """The state in one word."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """Photos are processed, but something is missing."""
    UNHEALTHY = "unhealthy"
    """No photo can be taken in."""


class DependencyHealth(BaseModel):
    """One part that the service depends on."""

    status: Literal["up", "down"]
    milliseconds: float = Field(description="How long it took to answer.")
    code: str | None = Field(None, description="What is wrong with it.")


class Health(BaseModel):
    """The state of the service and of the parts it depends on."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HEALTH]})

    status: HealthStatus
    gpu_available: bool = Field(description="Whether a GPU is ready at this moment.")
    version: str
    dependencies: dict[str, DependencyHealth]
