"""Asking a person before something is done that cannot be taken back."""

import sys

import typer

from deploy.cli.failures import NotConfirmed
from deploy.cli.reporting import notes


def confirm(sentence: str, *, is_sure: bool, may_ask: bool) -> None:
    """Return when it may be done.

    Args:
        sentence: what will happen.
        is_sure: whether --yes was given: then nobody is asked.
        may_ask: whether questions are in order; they are never asked without a terminal.

    Raises:
        NotConfirmed: nobody is sure.
    """
    if is_sure:
        return
    if not may_ask or not sys.stdin.isatty():
        raise NotConfirmed(f"{sentence} Give --yes to have it done.")
    notes.print(sentence)
    if not typer.confirm("Do it?", err=True):
        raise NotConfirmed("Nothing was done.")
