"""Groups of commands, such as `rekindle pods ...`."""

import typer


def command_group(name: str, purpose: str) -> typer.Typer:
    """An empty group; named alone, it says what there is in it.

    Args:
        name: what is typed.
        purpose: one sentence for `--help`.
    """
    return typer.Typer(name=name, help=purpose, no_args_is_help=True, add_completion=False)
