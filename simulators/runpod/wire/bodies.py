"""Reading what a request says: its JSON body and its query."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from starlette.requests import Request

from simulators.runpod.problem import Problem
from simulators.runpod.wire.schema import request_schemas


async def read_valid(request: Request, schema: str) -> dict[str, Any]:
    """The body of a request, as the vendor's schema wants it.

    Args:
        request: The request.
        schema: Name of the component schema.

    Raises:
        Problem: 400 when it is no JSON, 422 with every violation when it does not match.
    """
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Problem(400, "request body is not valid JSON") from None
    errors = request_schemas().violations(schema, body)
    if errors or not isinstance(body, dict):
        raise Problem(422, "Request validation failed.", errors)
    return body


def listed(request: Request, name: str, allowed: Collection[str] | None = None) -> list[str]:
    """The values of a comma-separated query parameter; none when it is absent.

    Raises:
        Problem: 422 when a value is not allowed.
    """
    text = request.query_params.get(name)
    values = [] if not text else text.split(",")
    if allowed is not None:
        for value in values:
            one_of(name, value, allowed)
    return values


def one_of(name: str, value: str, allowed: Collection[str]) -> str:
    """A query parameter's value, when it is allowed.

    Raises:
        Problem: 422 otherwise.
    """
    if value not in allowed:
        choices = ", ".join(f"'{choice}'" for choice in allowed)
        error = f"query.{name}: value must be one of {choices}"
        raise Problem(422, "Request validation failed.", [error])
    return value


def whole_number(request: Request, name: str, default: int, smallest: int, largest: int) -> int:
    """A number of the query.

    Raises:
        Problem: 422 when it is none, or out of its range.
    """
    text = request.query_params.get(name, str(default))
    if not text.isdigit() or not smallest <= int(text) <= largest:
        error = f"query.{name}: got '{text}', want {smallest} to {largest}"
        raise Problem(422, "Request validation failed.", [error])
    return int(text)


def truth(request: Request, name: str) -> bool | None:
    """A yes or no of the query; None when it is absent.

    Raises:
        Problem: 422 when it is something else.
    """
    text = request.query_params.get(name)
    return None if text is None else one_of(name, text, ("true", "false")) == "true"
