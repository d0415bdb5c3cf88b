"""Doors in the database that hold whoever is about to write a certain row.

So a process stands exactly between a call and its record for as long as a test likes. A trigger
that waits for an advisory lock does it; the system knows nothing of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

_FUNCTION = """
create or replace function wait_at_gate() returns trigger language plpgsql as
$$ begin perform pg_advisory_xact_lock_shared(tg_argv[0]::bigint); return new; end $$
"""
_WAITING = "select 1 from pg_locks where locktype = 'advisory' and objid = %s and not granted"


@dataclass(frozen=True)
class Moment:
    """A write that can be held.

    Attributes:
        row: which row it is of; a condition on `new`, with a place for an id.
        change: what changes in it; a condition on `new` and `old`, always true of an insert.
    """

    table: str
    row: str
    change: str | None = None


BEGINS_SESSION = Moment("orders", "new.attempt_id = {}", "new.sessions_begun <> old.sessions_begun")
NOTES_SESSION = Moment(
    "orders", "new.attempt_id = {}", "new.session_ids is distinct from old.session_ids"
)
NOTES_PAYMENT = Moment(
    "orders", "new.attempt_id = {}", "new.payment_id is distinct from old.payment_id"
)
BEGINS_HD = Moment("attempts", "new.kind = 'hd' and new.source_id = {}")
NOTES_HD = Moment(
    "attempts",
    "new.kind = 'hd' and new.source_id = {}",
    "new.status = 'succeeded' and old.status <> 'succeeded'",
)
TELLS_ORDER = Moment("orders", "new.attempt_id = {}", "new.hd = 'ready' and old.hd <> 'ready'")
BEGINS_REFUND = Moment("order_refunds", "new.order_id = {}")
NOTES_REFUND = Moment(
    "order_refunds", "new.order_id = {}", "new.refund_id is distinct from old.refund_id"
)
CLOSES_REFUNDED = Moment(
    "orders", "new.attempt_id = {}", "new.status = 'refunded' and old.status <> 'refunded'"
)


class Gate:
    """A door that is shut until `Gates.shut` ends."""

    def __init__(self, connection: psycopg.Connection[object], key: int) -> None:
        self._connection, self._key = connection, key

    def is_reached(self) -> bool:
        """Whether somebody stands before it."""
        return self._connection.execute(_WAITING, [self._key]).fetchone() is not None


class Gates:
    """Shuts doors in one database. Shut all of a test before anybody stands at one of them."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    @contextmanager
    def shut(self, moment: Moment, of: UUID) -> Iterator[Gate]:
        """Hold that write of that row until the block ends.

        Args:
            of: the attempt that is sold, or the order, as the moment says.
        """
        key = uuid4().int % 2**31
        conditions = " and ".join(f"({each})" for each in (moment.row, moment.change) if each)
        trigger = sql.SQL(
            "create trigger {name} before {event} on {table} for each row when ({conditions}) "
            "execute function wait_at_gate({key})"
        ).format(
            name=sql.Identifier(f"gate_{key}"),
            event=sql.SQL("update" if moment.change else "insert"),
            table=sql.Identifier(moment.table),
            conditions=sql.SQL(conditions).format(sql.Literal(str(of))),
            key=sql.Literal(key),
        )
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(_FUNCTION)
            connection.execute("select pg_advisory_lock(%s)", [key])
            connection.execute(trigger)
            yield Gate(connection, key)
            # The trigger stays: no lock is held behind it any more, and to drop it would have to
            # wait for whoever stands at another gate of that table.
