"""Live events: from rows of the log to the streams of everybody who follows a job.

    Postgres ── one listening connection ─> EventHub ── one read for all jobs ─> Channels
             ─> a Mailbox a stream ─> EventStream ─> EventStreamResponse ─> the client

The log in Postgres is the truth. Notifications only say where to look, so one that is lost costs
time, never an event: whoever may have missed something reads the log again from its own place.
"""

from api.events.hub import EventHub
from api.events.response import EventStreamResponse
from api.events.stream import EventStream

__all__ = ["EventHub", "EventStream", "EventStreamResponse"]
