"""`rekindle restore`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.cli.connection import open_api
from deploy.cli.options import DATA, ApiOption, DataOption, JsonOption, TokenOption
from deploy.cli.previews import answer_preview
from deploy.cli.reporting import reported


def restore(
    photo: Annotated[Path, typer.Argument(help="JPEG, PNG, HEIC or WebP.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write it.")],
    graph: Annotated[str | None, typer.Option(help="Graph pack, such as restore_classic.")] = None,
    denoise: Annotated[
        float | None, typer.Option(help="0 keeps the photo as it is, 1 paints it anew.")
    ] = None,
    megapixels: Annotated[
        float | None, typer.Option(help="Size of the result, millions of pixels.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same result.")] = None,
    colorize: Annotated[
        bool | None, typer.Option("--colorize/--no-colorize", help="Colour black and white.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="faithful or enhanced.")] = None,
    email: Annotated[
        str, typer.Option(envvar="REKINDLE_EMAIL", help="Whom to tell about the photo.")
    ] = "developer@example.com",
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """Restore a photo and write the watermarked preview; full size is what is sold."""
    from deploy.cli.following import restore_photo

    wishes: dict[str, Any] = {
        "graph": graph,
        "denoise": denoise,
        "megapixels": megapixels,
        "seed": seed,
        "colorize": colorize,
        "mode": mode,
    }
    with reported(as_json=as_json), open_api(api, token, data) as client:
        attempt = restore_photo(client, photo, email, wishes)
        answer_preview(client, attempt, out, as_json=as_json)
