"""How an attempt stands and waits, in a few words."""

from collections.abc import Mapping
from typing import Any

STAGES = {
    "queued": "waiting",
    "provisioning": "starting a GPU",
    "staging": "sending the photo",
    "rendering": "restoring",
    "finalizing": "finishing",
}
"""What a person reads for each stage of an attempt."""


def standing(attempt: Mapping[str, Any]) -> str:
    """What an attempt does, its place in line and how long it still takes, as far as is known.

    Args:
        attempt: its document.
    """
    doing = STAGES.get(attempt.get("stage") or "", str(attempt["status"]))
    if doing == STAGES["rendering"] and attempt.get("restore_id"):
        doing = "animating"
    position, seconds = attempt.get("queue_position"), attempt.get("eta_seconds")
    facts = (
        doing,
        place_in_line(position) if position is not None else None,
        f"about {duration(seconds)}" if seconds is not None else None,
    )
    return ", ".join(fact for fact in facts if fact)


def place_in_line(position: int) -> str:
    """A position in the queue, of which 1 is next."""
    if position == 1:
        return "next in line"
    teen = position % 100 in (11, 12, 13)
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{ending} in line"


def duration(seconds: int) -> str:
    """A whole number of seconds as a person says it."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes_left = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes_left, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
