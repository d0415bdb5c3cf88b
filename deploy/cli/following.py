"""One photo through the API, with progress bars."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from deploy.cli.client import ApiClient, Attempt
from deploy.cli.reporting import notes

STAGES = {
    "queued": "waiting for a GPU",
    "provisioning": "starting a GPU",
    "staging": "sending the photo",
    "rendering": "restoring",
    "finalizing": "finishing",
}
"""What a person reads for each stage of an attempt."""


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


def follow_attempt(client: ApiClient, attempt: Attempt, bars: Progress) -> Attempt:
    """Show an attempt of any kind as one bar until it has ended, however it ends.

    Args:
        client: of the API.
        attempt: where it stood.
        bars: what to show it in.

    Raises:
        CommandFailed: the API said no, or does not answer.
    """
    bar = bars.add_task(_what_it_does(attempt), total=1.0)

    def show(attempt: Attempt) -> None:
        bars.update(bar, description=_what_it_does(attempt), completed=attempt.progress)

    show(attempt)
    attempt = client.follow(attempt, seen=show)
    show(attempt)
    return attempt


def _what_it_does(attempt: Attempt) -> str:
    return STAGES.get(attempt.stage or "", attempt.status)


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
