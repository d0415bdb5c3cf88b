"""`rekindle status`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.connection import open_api
from deploy.cli.options import DATA, ApiOption, DataOption, JobArgument, JsonOption, TokenOption
from deploy.cli.reporting import answer_json, reported
from deploy.cli.waiting import standing

if TYPE_CHECKING:
    from deploy.cli.calls import Document


def status(
    job: JobArgument,
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """Show a job and all its attempts: * marks the chosen restoration and the latest animation."""
    with reported(as_json=as_json), open_api(api, token, data) as client:
        document = client.job(str(job))
        if as_json:
            answer_json(document)
        else:
            photo = document["photo"]
            typer.echo(f"job {document['id']}: {document['status']}")
            typer.echo(f"photo {photo['width']} x {photo['height']}, {photo['media_type']}")
            _show(document["restores"], marked=document["selected_restore_id"])
            _show(document["animations"], marked=document["latest_animation_id"])


def _show(attempts: "list[Document]", *, marked: str | None) -> None:
    for attempt in attempts:
        mark = "*" if attempt["id"] == marked else " "
        typer.echo(f"{mark} {attempt['id']}  {_line(attempt)}")


def _line(attempt: "Document") -> str:
    """One attempt in words. No table: its cells would cut the ids on a narrow terminal."""
    error = attempt.get("error") or {}
    size = attempt["width"] and f"{attempt['width']} x {attempt['height']}"
    clip = attempt.get("seconds") and f"{attempt['seconds']:g} s at {attempt['fps']:g} fps"
    engine = attempt["engine_seconds"]
    facts = (
        standing(attempt),
        _done(attempt),
        error.get("code"),
        attempt["graph"],
        attempt["seed"] is not None and f"seed {attempt['seed']}",
        size,
        clip,
        engine is not None and f"{engine:.1f} s on the GPU",
    )
    return ", ".join(fact for fact in facts if fact)


def _done(attempt: "Document") -> str | None:
    """How much of an unfinished attempt is done, or of the start of the GPU it waits for."""
    boot = attempt.get("boot_progress")
    share = attempt["progress"] if boot is None else boot
    return f"{share:.0%}" if attempt["stage"] and share else None
