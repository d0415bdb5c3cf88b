"""`rekindle graphs show`."""

from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.graphs.packs import chosen_packs
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported

if TYPE_CHECKING:
    from rich.table import Table

    from comfy_graphs import Manifest, Parameter


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a pack.")],
    as_json: JsonOption = False,
) -> None:
    """Show a pack's manifest: its parameters, its models and their licences."""
    with reported(as_json=as_json):
        [pack] = chosen_packs([name])
        manifest = pack.manifest
        if as_json:
            answer_json(manifest.model_dump(mode="json"))
        else:
            _print(manifest)


def _print(manifest: "Manifest") -> None:
    from rich.console import Console

    typer.echo(f"{manifest.name} {manifest.version}: {manifest.title}")
    typer.echo(manifest.description)
    memory = f"{manifest.vram_gb:g} GB of VRAM" if manifest.vram_gb else "any CPU"
    typer.echo(
        f"{manifest.purpose}, GPU class {manifest.gpu_class}, {memory}, "
        f"typically {manifest.typical_seconds:g} s\n"
    )
    Console().print(_parameters(manifest))
    if manifest.models:
        typer.echo("\nModels:")
    for model in manifest.models:  # no table: its cells would cut the names
        verified = "verified" if model.verified else "not verified"
        typer.echo(f"  {model.folder}/{model.file}")
        typer.echo(f"    {model.licence} ({model.verdict}), {verified}, from {model.source}")


def _parameters(manifest: "Manifest") -> "Table":
    from rich.table import Table

    table = Table("parameter", "values", "default", "meaning", box=None)
    for parameter in manifest.parameters:
        default = "random" if parameter.default is None else str(parameter.default)
        note = " (recorded only)" if parameter.recorded_only else ""
        table.add_row(parameter.name, _values(parameter), default, parameter.description + note)
    return table


def _values(parameter: "Parameter") -> str:
    if parameter.options:
        return ", ".join(parameter.options)
    if parameter.is_numeric:
        return f"{parameter.minimum:.16g} to {parameter.maximum:.16g}"
    return str(parameter.type)
