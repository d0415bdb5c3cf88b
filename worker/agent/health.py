"""What the pod says of itself to anybody: four words and a version."""

import shutil
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel

from worker.agent.watch import ComfyWatch

SERVICE = "rekindle-agent"


class Health(StrEnum):
    """How the pod is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """ComfyUI is away: it boots, or is being started anew."""
    UNHEALTHY = "unhealthy"
    """Nothing will come of this pod: its disk is full, or ComfyUI does not come back."""


class HealthReport(BaseModel):
    """The answer to `GET /health`.

    Attributes:
        host: the machine below the pod, where the platform tells.
    """

    status: Health
    comfyui_available: bool
    service: str
    version: str
    host: str


class PodHealth:
    """Judges the pod."""

    def __init__(
        self,
        watch: ComfyWatch,
        *,
        folder: Path,
        away_seconds: float,
        least_free_mb: int,
        version: str,
        host: str,
    ) -> None:
        """Judge by these.

        Args:
            watch: on ComfyUI.
            folder: on the disk that must not be full.
            away_seconds: with ComfyUI away for longer the pod is unhealthy.
            least_free_mb: with less free disk it is so too.
            version: of this release.
            host: shown as it is.
        """
        self._watch = watch
        self._folder = folder
        self._away_seconds = away_seconds
        self._least_free_mb = least_free_mb
        self._version = version
        self._host = host

    def report(self) -> HealthReport:
        """How it is now."""
        return HealthReport(
            status=self._status(),
            comfyui_available=self._watch.is_available,
            service=SERVICE,
            version=self._version,
            host=self._host,
        )

    def _status(self) -> Health:
        if self._free_mb() < self._least_free_mb:
            return Health.UNHEALTHY
        if self._watch.is_available:
            return Health.HEALTHY
        is_lost = self._watch.away_seconds > self._away_seconds
        return Health.UNHEALTHY if is_lost else Health.DEGRADED

    def _free_mb(self) -> int:
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent  # ComfyUI makes it when it starts
        return shutil.disk_usage(folder).free >> 20
