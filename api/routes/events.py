"""A job's events as they happen."""

import time
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request

from api import paths
from api.dependencies import AppSettings
from api.documents.events import EventData
from api.events import EventHub, EventStream, EventStreamResponse
from api.events.frames import event_id_in
from api.events.response import MEDIA_TYPE
from api.identity import CurrentPrincipal, guarded_router
from api.ownership import OwnedJob
from api.problems import guarded_problems
from rekindle.errors import DatabaseUnavailable, JobNotFound

router = guarded_router("events")

_EXAMPLE = """retry: 1724

event: job
data: {"job_id":"0b8f…","status":"active","selected_restore_id":null,\
"latest_animation_id":null,"attempts":[],"orders":[]}
id: 1041

event: attempt.queued
data: {"job_id": "0b8f…", "attempt_id": "9d1c…", "kind": "restore", "stage": "queued", \
"status": "queued", "progress": 0.0, "error": null, "at": "2026-01-01T12:00:00.000000+00:00"}
id: 1042

event: attempt.waiting
data: {"attempt_id":"9d1c…","kind":"restore","status":"queued","stage":"provisioning",\
"progress":0.0,"error":null,"queue_position":3,"eta_seconds":105,"boot_progress":0.25,"job_id":"0b8f…",\
"at":"2026-01-01T12:00:01.500000Z"}

: ping

"""
_SNAPSHOT: dict[str, Any] = {
    "job_id": "0b8f5c1e-7f0a-4f2b-9c55-2f6a1d3e4b70",
    "status": "active",
    "selected_restore_id": None,
    "latest_animation_id": None,
    "attempts": [],
    "orders": [],
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "model": EventData,
        "description": "Server-sent events. `job`: how the job stands with all its attempts and "
        "orders. `attempt.queued`, `attempt.progress`, `attempt.succeeded`, `attempt.failed`, "
        "`attempt.canceled`: how an attempt stands, a restoration or an animation as its `kind` "
        "says; the last three are final. `attempt.waiting`: how an unfinished attempt waits; it "
        "has no id, for it is of the moment and not repeated. `job.selected`: another restoration "
        "is shown and sold. `job.animated`: another animation is the latest. `order.changed`: how "
        "an order and its HD result stand. `order.progress` and `order.waiting`: how far the HD "
        "result of an order is, and how it waits. `job.deleted`: the job was deleted, and the "
        "stream ends; `job.undeleted`: its owner has it back. Pass over kinds that you do not "
        "know. The schema is that of the data of an event; a stream looks so:\n\n"
        f"```\n{_EXAMPLE}```",
        "content": {MEDIA_TYPE: {"example": _SNAPSHOT}},
    }
}


async def _event_hub(request: Request) -> EventHub:
    hub: EventHub = request.app.state.events
    return hub


@router.get(
    paths.EVENTS,
    status_code=200,  # FastAPI would look for it among the arguments of the response's class
    response_class=EventStreamResponse,
    responses={**_STREAM, **guarded_problems(JobNotFound, DatabaseUnavailable)},
)
async def stream_job_events(
    job: OwnedJob,
    principal: CurrentPrincipal,
    settings: AppSettings,
    hub: Annotated[EventHub, Depends(_event_hub)],
    last_event_id: Annotated[
        str | None, Header(description="The last event you have; what came after it is sent.")
    ] = None,
    last_event_id_in_query: Annotated[
        str | None,
        Query(alias="last_event_id", description="The same, for clients that cannot set headers."),
    ] = None,
) -> EventStreamResponse:
    """Follow a job: first what you missed, or how it stands, then every change as it happens.

    A job can get further attempts at any time, so the stream does not end with one. It ends when
    the service leaves, with your token, and after an hour by default: come back with
    `Last-Event-ID`, and nothing is lost or repeated. An id that is no longer kept gets `job`.
    Progress comes at most twice a second for each attempt. A comment comes when it is silent.

    While an attempt is queued or running, `attempt.waiting` tells its stage, `queue_position`,
    `eta_seconds` and `boot_progress` whenever one of them has changed, about every two seconds at
    most; `order.waiting` does so for the HD result of an order. These are not part of the log:
    they have no id and leave your last one as it is; who comes back is told anew.
    """
    return EventStreamResponse(
        EventStream(
            hub,
            job.id,
            after=event_id_in(last_event_id or last_event_id_in_query),
            keepalive_seconds=settings.event_keepalive_seconds,
            lifetime_seconds=min(
                settings.event_stream_seconds, max(principal.expires_at - time.time(), 0.0)
            ),
        )
    )
