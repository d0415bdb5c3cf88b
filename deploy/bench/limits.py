"""No limits per user and address: a bench is one person who asks as fast as the machine answers."""

from typing import Any

from rekindle.settings import Settings

UNLIMITED: dict[str, Any] = {
    **{
        f"rate_limit_{name}": "none"
        for name in ("uploads", "commands", "checkouts", "reads", "refusals")
    },
    "max_open_attempts": 0,
    "max_open_orders": 0,
}


def unlimited(**further: Any) -> Settings:
    """Settings without such limits, all others as by default.

    Args:
        further: other settings.
    """
    wanted = {**UNLIMITED, **further}
    return Settings.model_construct(_fields_set=set(wanted), **wanted)
