"""`rekindle keys create`, `list` and `revoke`: API keys for programs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deploy.cli.connection import connect
from deploy.cli.groups import command_group
from deploy.cli.options import DATA, ApiOption, DataOption, JsonOption, TokenOption
from deploy.cli.reporting import answer_json, notes, reported

if TYPE_CHECKING:
    from deploy.cli.calls import ApiCalls, Document

app = command_group("keys", "Make, list and revoke API keys, with which programs call the API.")

_OWN = "/api/v1/api-keys"
_EVERYBODYS = "/api/v1/operator/api-keys"

AsOperatorOption = Annotated[
    bool, typer.Option("--operator", help="As an operator: any user's keys.")
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="To recognize the key by.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="One of your own scopes that the key shall have; may be repeated."),
    ] = None,
    expires_in_days: Annotated[
        int | None, typer.Option(min=1, help="By default it is good until it is revoked.")
    ] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="A key of the operator of a running `rekindle dev`.")
    ] = False,
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it: the one time that it is seen."""
    wish = {"name": name, "scopes": scope or [], "expires_in_days": expires_in_days}
    with reported(as_json=as_json), _calls(api, token, data, operator) as calls:
        key = calls.post(_OWN, lambda: {"json": wish})
        if as_json:
            answer_json(key)
        else:
            notes.print(_line(key))
            typer.echo(key["key"])


@app.command("list")
def list_keys(
    operator: AsOperatorOption = False,
    user: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="With --operator: of this user alone.")
    ] = None,
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """List keys, without their secrets: those in force first, then the newest first."""
    if user is not None and not operator:
        raise typer.BadParameter("only an operator sees the keys of other users: add --operator")
    query = {} if user is None else {"user": user}
    with reported(as_json=as_json), _calls(api, token, data, operator) as calls:
        found = calls.get(_EVERYBODYS if operator else _OWN, **query)
        if as_json:
            answer_json(found)
        for key in () if as_json else found["api_keys"]:
            typer.echo(f"{_line(key)}, of {key['user']}" if operator else _line(key))


@app.command()
def revoke(
    key: Annotated[UUID, typer.Argument(metavar="ID", help="The id of a key.")],
    operator: AsOperatorOption = False,
    api: ApiOption = None,
    token: TokenOption = None,
    data: DataOption = Path(DATA),
    as_json: JsonOption = False,
) -> None:
    """Revoke a key: the next request with it is refused. Doing it again changes nothing."""
    with reported(as_json=as_json), _calls(api, token, data, operator) as calls:
        calls.delete(f"{_EVERYBODYS if operator else _OWN}/{key}")
        if as_json:
            answer_json({"id": str(key), "status": "revoked"})
        else:
            typer.echo(f"{key}  revoked")


@contextmanager
def _calls(api: str | None, token: str | None, data: Path, operator: bool) -> "Iterator[ApiCalls]":
    from deploy.cli.calls import ApiCalls

    with closing(ApiCalls(connect(api, token, data, operator=operator))) as calls:
        yield calls


def _line(key: "Document") -> str:
    """A key in words; times to the minute, as UTC."""
    facts = (
        key["name"],
        " ".join(key["scopes"]),
        key["revoked_at"] and f"revoked {_minute(key['revoked_at'])}",
        key["expires_at"] and f"until {_minute(key['expires_at'])}",
        f"last used {_minute(key['last_used_at'])}" if key["last_used_at"] else "never used",
    )
    return f"{key['id']}  {', '.join(fact for fact in facts if fact)}"


def _minute(moment: str) -> str:
    return f"{moment[:16]}Z".replace("T", " ")
