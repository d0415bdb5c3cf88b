"""Arrays as parameters: one for any number of values, where `in_` takes one for each."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, Uuid, any_, cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


def is_among(
    column: SQLColumnExpression[Any],
    values: Collection[object],
    kind: type[TypeEngine[Any]] = Uuid,
) -> ColumnElement[bool]:
    """As `in_`, for as many values as there may be: Postgres takes 65,535 parameters.

    Args:
        kind: of the values; ids by default.
    """
    return column == any_(cast(list(values), ARRAY(kind)))
