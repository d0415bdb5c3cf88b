"""One photo through the API, with progress bars."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from deploy.cli.client import ApiClient, Attempt
from deploy.cli.reporting import notes
from deploy.cli.waiting import STAGES, standing


def restore_photo(client: ApiClient, photo: Path, email: str, wishes: Mapping[str, Any]) -> Attempt:
    """Upload a photo, restore it, and follow it to its end.

    Args:
        client: of the API.
        photo: the file.
        email: whom to tell about it.
        wishes: graph and parameters.

    Returns:
        The attempt, succeeded.

    Raises:
        CommandFailed: the API said no, does not answer, or the attempt failed.
    """
    with progress_bars() as bars:
        upload = bars.add_task("uploading", total=1.0)
        job = client.upload(
            photo, email, sent=lambda done, size: bars.update(upload, completed=done / (size or 1))
        )
        attempt = follow_attempt(client, client.restore(job["id"], wishes), bars)
        attempt.require_success()
    return attempt


def animate_restoration(client: ApiClient, job_id: str, wishes: Mapping[str, Any]) -> Attempt:
    """Animate a restoration of a job, and follow the clip to its end.

    Args:
        client: of the API.
        job_id: of the job.
        wishes: `restore_id` (the selected one without it), graph and parameters.

    Returns:
        The animation, succeeded.

    Raises:
        CommandFailed: the API said no, does not answer, or the animation failed.
    """
    with progress_bars() as bars:
        animation = follow_attempt(client, client.animate(job_id, wishes), bars)
        animation.require_success()
    return animation


def follow_attempt(client: ApiClient, attempt: Attempt, bars: Progress) -> Attempt:
    """Show an attempt of any kind as one bar until it has ended, however it ends.

    While the GPU it waits for starts, that has a bar of its own.

    Args:
        client: of the API.
        attempt: where it stood.
        bars: what to show it in.

    Raises:
        CommandFailed: the API said no, or does not answer.
    """
    bar = AttemptBar(bars)
    bar.show(attempt)
    attempt = client.follow(attempt, seen=bar.show)
    bar.show(attempt)
    return attempt


class AttemptBar:
    """The bar of one attempt, and one of the GPU it waits for while that starts."""

    def __init__(self, bars: Progress) -> None:
        """Begin with an empty bar."""
        self._bars = bars
        self._boot: TaskID | None = None
        self._own = bars.add_task("", total=1.0)

    def show(self, attempt: Attempt) -> None:
        """Show how the attempt stands."""
        self._bars.update(
            self._own, description=standing(attempt.document), completed=attempt.progress
        )
        self._show_boot(attempt.document.get("boot_progress"))

    def _show_boot(self, progress: float | None) -> None:
        if self._boot is None and progress is not None:
            self._boot = self._bars.add_task(STAGES["provisioning"], total=1.0)
        if self._boot is not None:
            done = 1.0 if progress is None else progress
            self._bars.update(self._boot, completed=done, visible=progress is not None)


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars on standard error, while the block runs."""
    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=notes) as bars:
        yield bars
