"""Limits as people write them: `30/hour`, `5/second;600/hour`, `none`."""

from limits import parse_many

from rekindle.errors import SettingsInvalid
from rekindle.ports.rates import Rate

NONE = "none"


def rates_of(name: str, text: str) -> tuple[Rate, ...]:
    """The rates of a setting; none for `none` and for nothing.

    Args:
        name: of the setting.
        text: its value, in the library's notation.

    Raises:
        SettingsInvalid: it cannot be understood.
    """
    if text.strip().lower() in ("", NONE):
        return ()
    try:
        items = parse_many(text)
    except ValueError as error:
        raise _invalid(name, text) from error
    if any(item.amount < 1 or item.get_expiry() < 1 for item in items):
        raise _invalid(name, text)
    return tuple(Rate(item.amount, item.get_expiry()) for item in items)


def _invalid(name: str, text: str) -> SettingsInvalid:
    return SettingsInvalid(
        f"{name}={text}: write such as 30/hour, several as 5/second;600/hour, or {NONE}."
    )
