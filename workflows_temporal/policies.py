"""Time-outs and retries of activities, in one place."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy

from rekindle.errors import ResultUnreadable


class Short(TypedDict):
    """For an activity that ends by itself."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy


class Beating(TypedDict):
    """For an activity that beats for as long as it goes on."""

    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy


class Bounded(Beating):
    """For an activity that beats and ends by itself."""

    start_to_close_timeout: timedelta


HEARTBEAT = timedelta(seconds=10)
"""A process that dies is noticed after this long."""

RECORD: Short = {
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)
    ),
}
"""A short write: repeated until it is through, since the outcome must not be lost."""

LOOK: Bounded = {
    "start_to_close_timeout": timedelta(minutes=2),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        maximum_interval=timedelta(seconds=5),
        maximum_attempts=3,
    ),
}
"""Reading the payment provider: a few calls. `HdOrder` repeats it by itself, later and later."""

PLAN: Bounded = {
    "start_to_close_timeout": timedelta(minutes=2),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RECORD["retry_policy"],
}
"""As `RECORD`, for up to some hundred rows."""

CHECKOUT: Bounded = {
    **LOOK,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        maximum_interval=timedelta(seconds=1),
        maximum_attempts=3,
    ),
}
"""Somebody waits in front of a screen, and may ask again."""

DERIVE: Bounded = {
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(seconds=20),
        maximum_attempts=20,
        non_retryable_error_types=[ResultUnreadable.code],  # the graph has to run again
    ),
}
"""Encoding previews and labelling HD: some seconds; a minute for a large clip."""

ERASE: Bounded = {
    "start_to_close_timeout": timedelta(minutes=10),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
    ),
}
"""A step of a deletion: repeated until it is through, for as long as that takes."""

SEND: Short = {
    "start_to_close_timeout": timedelta(seconds=60),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
    ),
}
"""One try at a webhook: what the receiver does is an answer, so only our own trouble repeats it."""

AWAY = timedelta(seconds=5)
"""Between two looks whether a part that is away has come back."""

ATTACH: Beating = {
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        maximum_interval=timedelta(seconds=5),
        maximum_attempts=20,
        # What these say is final for this try; Render decides what follows.
        non_retryable_error_types=[
            "pod_gone",
            "prompt_lost",
            "graph_failed",
            "graph_stalled",
            "graph_interrupted",
            "result_unreadable",
        ],
    ),
}
"""Taking a prompt over: outlives several workers, but not the prompt."""

ONCE = RetryPolicy(maximum_attempts=1)
"""A retry on a GPU queue would join the back of the backlog, so `Render` repeats by itself."""
