"""What a person, or a program that asked for JSON, is told; and the exit code."""

import contextlib
import json
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn

import typer
from rich.console import Console

from deploy.cli.failures import CommandFailed
from rekindle.errors import LocalServiceError, RekindleError, SettingsInvalid

notes = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""For everything that is not the answer itself: standard output stays clean for `--json`."""


def answer_json(document: dict[str, Any]) -> None:
    """Print the answer as the one JSON object on standard output."""
    print(json.dumps(document, indent=2), flush=True)


@contextlib.contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn a failure inside the block into a sentence and an exit code.

    Args:
        as_json: also print `{"status": "failed", "code": ..., "message": ...}`; then no failure
            of any kind leaves standard output without its object.
    """
    try:
        yield
    except KeyboardInterrupt:
        _fail("interrupted", "Interrupted.", 130, as_json)
    except CommandFailed as failure:
        _fail(failure.code, str(failure), failure.exit_code, as_json)
    except (LocalServiceError, SettingsInvalid) as error:
        # Whoever runs services on their own machine may see what happened to them.
        _fail(error.code, str(error), 1, as_json)
    except RekindleError as error:
        _fail(error.code, error.public_detail, 1, as_json)
    except Exception as error:
        if not as_json or isinstance(error, typer.Exit):
            raise
        traceback.print_exc()
        _fail("unexpected_error", str(error), 1, as_json)


def _fail(code: str, message: str, exit_code: int, as_json: bool) -> NoReturn:
    if as_json:
        answer_json({"status": "failed", "code": code, "message": message})
    notes.print(f"{message} ({code})", style="red")
    raise typer.Exit(exit_code)
