"""Previews: what `rekindle restore` and `rekindle animate` write."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.reporting import answer_json

if TYPE_CHECKING:
    from deploy.cli.client import ApiClient, Attempt


def answer_preview(client: "ApiClient", attempt: "Attempt", out: Path, *, as_json: bool) -> None:
    """Write the preview of an attempt to a file, and tell so.

    Args:
        attempt: one that succeeded.
        out: the file.
        as_json: print the attempt's document, with the file in it.
    """
    client.download(attempt.document["preview_url"], out)
    if as_json:
        answer_json({**attempt.document, "out": str(out)})
    else:
        typer.echo(f"{out}\n  a watermarked preview; job {attempt.job_id}")
