"""Commands of operators work on the parts of a deployment themselves: which ones these are."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.failures import CommandFailed, NotConnected
from deploy.cli.options import DATA
from deploy.cli.settings import read_settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession
    from temporalio.client import Client

    from deploy.stack.note import RunningStack
    from rekindle.ports.payments import Payments
    from rekindle.settings import Settings
    from rekindle.store.database import Database

OperatorDataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of a running `rekindle dev`. Without it DATABASE_URL and TEMPORAL_ADDRESS "
        f"count if either is set, and else what runs in {DATA}.",
    ),
]
_PLACES = {"database_url", "temporal_address"}


def operator_settings(data: Path | None) -> "Settings":
    """Settings of the deployment that an operator means; see `chosen_settings`."""
    return chosen_settings(data, names_it=lambda given: bool(given.model_fields_set & _PLACES))


def chosen_settings(data: Path | None, *, names_it: "Callable[[Settings], bool]") -> "Settings":
    """Settings of a running stack, or of the environment.

    Args:
        data: folder of the stack; None looks at the environment first, then at `DATA`.
        names_it: whether the environment's settings say what is meant.

    Raises:
        NotConnected: a folder was given and no stack runs there.
        SettingsInvalid: the environment's settings are wrong.
    """
    from deploy.stack.note import find_running
    from deploy.stack.running import settings_of_running

    given = read_settings()
    if data is not None:
        require_stack(data)
        return settings_of_running(data, given)
    if names_it(given) or find_running(Path(DATA)) is None:
        return given
    return settings_of_running(Path(DATA), given)


def require_stack(folder: Path) -> "RunningStack":
    """The stack that runs in a folder. Raises `NotConnected` when none does."""
    from deploy.stack.note import find_running

    running = find_running(folder)
    if running is None:
        raise NotConnected(f"Nothing runs in {folder}. Start `rekindle dev --data {folder}`.")
    return running


@contextlib.asynccontextmanager
async def open_database(settings: "Settings") -> AsyncIterator["Database"]:
    """The database of a deployment, closed in the end."""
    from rekindle.store.database import Database

    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        with _tables_expected():
            yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def open_transaction(settings: "Settings") -> AsyncIterator["AsyncSession"]:
    """One transaction on the database of a deployment, committed in the end."""
    async with open_database(settings) as database, database.transaction() as session:
        yield session


@contextlib.asynccontextmanager
async def open_payments(settings: "Settings") -> AsyncIterator["Payments"]:
    """The account that people pay to, closed in the end.

    Raises:
        NotConnected: the settings name none.
    """
    from rekindle.wiring.parts import payments

    async with contextlib.AsyncExitStack() as stack:
        account = payments(settings, stack)
        if account is None:
            raise NotConnected("STRIPE_SECRET_KEY is not set: it is not known who is paid.")
        yield account


async def connect_temporal(settings: "Settings") -> "Client":
    """A client of a deployment's Temporal. Raises `WorkflowsUnavailable` when none answers."""
    from rekindle.adapters.temporal import connect

    return await connect(settings.temporal_address, settings.temporal_namespace)


@contextlib.contextmanager
def _tables_expected() -> Iterator[None]:
    from psycopg.errors import UndefinedColumn, UndefinedTable
    from sqlalchemy.exc import ProgrammingError

    try:
        yield
    except ProgrammingError as error:
        if isinstance(error.orig, UndefinedTable | UndefinedColumn):
            text = "The database lacks tables of this release: run `rekindle migrate`."
            raise CommandFailed(text) from error
        raise
