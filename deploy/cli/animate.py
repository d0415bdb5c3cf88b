"""`rekindle animate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deploy.cli.connection import open_api
from deploy.cli.options import DATA, ApiOption, DataOption, JsonOption, TokenOption
from deploy.cli.previews import answer_preview
from deploy.cli.reporting import reported

if TYPE_CHECKING:
    from deploy.cli.client import ApiClient, Attempt


def animate(
    what: Annotated[
        str, typer.Argument(metavar="PHOTO|JOB", help="A photo, or the id of a restored job.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write it.")],
    graph: Annotated[str | None, typer.Option(help="Graph pack, such as animate_classic.")] = None,
    motion: Annotated[
        str | None, typer.Option(help="How the camera moves, such as push_in or pan_left.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What should move and how, in words.")] = None,
    seconds: Annotated[int | None, typer.Option(help="Length of the clip.")] = None,
    fps: Annotated[int | None, typer.Option(help="Frames per second.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same result.")] = None,
    email: Annotated[
        str, typer.Option(envvar="REKINDLE_EMAIL", help="Whom to tell about a photo.")
    ] = "developer@example.com",
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """Animate a job's chosen restoration, or a photo once it is restored; write the preview.

    The preview is a watermarked MP4; full size is what is sold.
    """
    wishes: dict[str, Any] = {
        "graph": graph,
        "motion": motion,
        "prompt": prompt,
        "seconds": seconds,
        "fps": fps,
        "seed": seed,
    }
    with reported(as_json=as_json), open_api(api, token, data) as client:
        clip = _animated(client, what, email, wishes)
        answer_preview(client, clip, out, as_json=as_json)


def _animated(client: "ApiClient", what: str, email: str, wishes: dict[str, Any]) -> "Attempt":
    from deploy.cli.following import animate_restoration, restore_photo

    photo, job_id = Path(what), _as_id(what)
    if job_id is not None and not photo.exists():
        return animate_restoration(client, job_id, wishes)
    restoration = restore_photo(client, photo, email, {})
    return animate_restoration(client, restoration.job_id, {**wishes, "restore_id": restoration.id})


def _as_id(what: str) -> str | None:
    """The id of a job, if it is one."""
    try:
        return str(UUID(what))
    except ValueError:
        return None
