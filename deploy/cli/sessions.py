"""The commands `rekindle sessions ...`: who is signed in with a browser, and ending that."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.failures import CommandFailed
from deploy.cli.groups import command_group
from deploy.cli.operating import OperatorDataOption, open_transaction, operator_settings
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import counted, iso, print_table, short

if TYPE_CHECKING:
    from rekindle.store.browser_sessions import FoundSession

app = command_group("sessions", "See who is signed in with a browser, and end that.")


class NoSuchSession(CommandFailed):
    """There is no session of that name, or not any more."""

    code = "session_not_found"

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"There is no session {name}, or not any more.")


@app.command("list")
def list_sessions(
    user: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="Only those of a user.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sessions in force, the one used last first. Their names open nothing."""
    with reported(as_json=as_json):
        found = asyncio.run(_read(user, limit, data))
        if as_json:
            answer_json({"sessions": [_document(each) for each in found]})
        elif not found:
            typer.echo("Nobody is signed in with a browser.")
        else:
            headings = ("session", "user", "scopes", "begun", "last used", "ends")
            print_table(headings, [_row(each) for each in found])


@app.command()
def end(
    session: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="As `list` calls it.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="All of this user instead.")
    ] = None,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a session, or all of a user: the next request is refused, open streams within a minute.

    They may sign in again: to keep somebody out, the issuer has to.
    """
    if (session is None) == (user is None):
        raise typer.BadParameter("name either a session or --user")
    with reported(as_json=as_json):
        ended = asyncio.run(_end(session, user, data))
        if as_json:
            answer_json({"ended": ended})
        else:
            typer.echo(f"{counted(ended, 'session')} ended")


async def _read(user: str | None, limit: int, data: Path | None) -> Sequence["FoundSession"]:
    from rekindle.store import browser_sessions

    settings = operator_settings(data)
    async with open_transaction(settings) as session:
        return await browser_sessions.in_force(
            session, idle=settings.session_idle, subject=user, limit=limit
        )


async def _end(name: str | None, user: str | None, data: Path | None) -> int:
    from rekindle.store import browser_sessions

    async with open_transaction(operator_settings(data)) as session:
        if user is not None:
            return await browser_sessions.end_of(session, user)
        ended = await browser_sessions.end_named(session, name or "")
    if not ended:
        raise NoSuchSession(name or "")
    return ended


def _document(found: "FoundSession") -> dict[str, Any]:
    """A session without anything that opens one; an issuer may call people by their address."""
    from rekindle.rules.browser_sessions import name_of
    from rekindle.telemetry import scrub

    return {
        "session": name_of(found.row.sha256),
        "user_id": str(found.row.user_id),
        "user": scrub(found.subject),
        "scopes": list(found.row.scopes),
        "created_at": iso(found.row.created_at),
        "last_used_at": iso(found.row.last_used_at),
        "expires_at": iso(found.row.expires_at),
    }


def _row(found: "FoundSession") -> tuple[str, ...]:
    told = _document(found)
    moments = (found.row.created_at, found.row.last_used_at, found.row.expires_at)
    return (told["session"], told["user"], " ".join(told["scopes"]), *map(short, moments))
