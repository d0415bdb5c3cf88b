"""What the figures must keep to, as data: a measure of the same name is judged by it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One limit.

    Attributes:
        name: of the measure.
        at: the figure, in `unit`.
        unit: `U` is the round trip of a one-activity workflow on the same server.
        at_least: a floor, not a ceiling.
        beyond_baseline: `at` is counted from the baseline of the same run, not from zero.
    """

    name: str
    at: float
    unit: str
    at_least: bool = False
    beyond_baseline: bool = False


GOALS = {
    goal.name: goal
    for goal in (
        Goal("restore_0.5s", 5, "U", beyond_baseline=True),
        Goal("restore_5s", 5, "U", beyond_baseline=True),
        Goal("busy", 0.92, "of the time", at_least=True),
        Goal("gap", 60, "ms"),
        Goal("slot_memory", 3, "MB"),
        Goal("upload_memory", 30, "MB"),
        Goal("waiting_memory", 60, "KB"),
        Goal("idle_api", 220, "MB"),
        Goal("idle_worker", 220, "MB"),
        Goal("first_job", 3, "U"),
        Goal("paid_first", 5, "U"),
        Goal("overlap_busy", 0.93, "of the time", at_least=True),
        Goal("overlap_early", 0, "jobs"),
        Goal("webhook", 1.5, "times"),
        Goal("api_get", 1.6, "times"),
        Goal("api_get_p99", 2, "times"),
        Goal("api_restore", 1.6, "times"),
        Goal("api_restore_p99", 2, "times"),
        Goal("api_upload", 1.6, "times"),
        Goal("api_upload_p99", 2, "times"),
        Goal("api_get_uploads", 1.5, "times"),
        Goal("api_get_direct", 1.3, "times"),
        Goal("uploads_memory", 120, "MB"),
        Goal("crowd_p99", 100, "ms"),
        Goal("listener_memory", 60, "KB"),
        Goal("fleet_idle", 2, "s"),
        Goal("fleet_pod_memory", 3, "MB"),
        Goal("fleet_lost", 0, "renders"),
    )
}

COUNTED = ("sql_statements", "s3_requests", "activities", "workflow_events", "history_bytes")
"""Counts of one restoration that every table carries; a test asserts how large they may be."""

FANOUT = "event_fanout"
"""From a change to the clients that follow it."""

REQUIRED = (*GOALS, *COUNTED, FANOUT)
"""Rows without which a table is not whole."""
