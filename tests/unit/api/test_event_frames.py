"""What events look like on the wire, and what a client may come back with."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from api.events.frames import KEEPALIVE, event_frame, event_id_in, retry_frame, snapshot_frame
from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.contracts.statuses import Stage
from rekindle.models import JobEvent
from rekindle.rules.waiting import Waiting
from rekindle.store.events import JobState, Notice, OrderState

JOB, ATTEMPT = UUID(int=1), UUID(int=2)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def row(event: str = "attempt.progress", /, **data: Any) -> JobEvent:
    return JobEvent(id=7, job_id=JOB, attempt_id=ATTEMPT, kind=event, data=data, created_at=AT)


def job() -> Any:
    return SimpleNamespace(
        id=JOB, status="active", selected_restore_id=ATTEMPT, latest_animation_id=None
    )


def attempt(**changed: Any) -> Any:
    fixed = {
        **{"id": ATTEMPT, "kind": "restore", "order_id": None, "status": "running"},
        **{"stage": "staging", "progress": 0.1, "error_code": None},
    }
    return SimpleNamespace(**{**fixed, **changed})


def fields(content: bytes) -> dict[str, str]:
    """The fields of one frame, which must be whole."""
    assert content.endswith(b"\n\n")
    lines = content.decode().removesuffix("\n\n").split("\n")
    assert len(lines) == len({line.partition(": ")[0] for line in lines})
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


def test_an_event_is_one_frame_with_its_id_and_kind() -> None:
    frame = event_frame(row(status="running", stage="rendering", progress=0.5, error_code=None))
    assert frame.id == 7
    found = fields(frame.content)
    assert found.keys() == {"id", "event", "data"}
    assert (found["id"], found["event"]) == ("7", "attempt.progress")
    assert json.loads(found["data"]) == {
        "job_id": str(JOB),
        "attempt_id": str(ATTEMPT),
        "status": "running",
        "stage": "rendering",
        "progress": 0.5,
        "error": None,
        "at": "2026-01-02T03:04:05+00:00",
    }


def test_an_error_is_told_as_in_the_documents_of_attempts() -> None:
    data = json.loads(fields(event_frame(row(error_code="no_capacity")).content)["data"])
    assert data["error"] == {
        "code": "no_capacity",
        "message": "No GPU became free in time. You were not charged; please try again.",
        "retryable": True,
        "charged": False,
    }
    assert "error_code" not in data


def test_a_kind_that_a_newer_process_wrote_is_handed_on() -> None:
    found = fields(event_frame(row("order.paid", amount=3, error_code="from_the_future")).content)
    assert found["event"] == "order.paid"
    data = json.loads(found["data"])
    assert (data["amount"], data["error"]["code"]) == (3, "platform_error")


@pytest.mark.parametrize("text", ["a\nb", "a\r\nevent: job", "\n\n", "\u2028", "id: 9"])
def test_no_data_can_end_a_frame_or_begin_another(text: str) -> None:
    found = fields(event_frame(row(text=text)).content)
    assert found["event"] == "attempt.progress"
    assert json.loads(found["data"])["text"] == text


def test_a_snapshot_stands_at_the_last_event_it_includes() -> None:
    frame = snapshot_frame(JobState(job(), [attempt()], 41))
    found = fields(frame.content)
    assert (frame.id, found["id"], found["event"]) == (41, "41", "job")
    data = json.loads(found["data"])
    assert data.keys() == {
        *("job_id", "status", "selected_restore_id", "latest_animation_id", "attempts", "orders"),
    }
    told = row(kind="", status="", stage="", progress=0, error_code=None)
    event = json.loads(fields(event_frame(told).content)["data"])
    shown = data["attempts"][0].keys()
    assert shown - event.keys() == {"queue_position", "eta_seconds", "boot_progress"}
    assert event.keys() - shown == {"job_id", "at"}


def test_a_snapshot_tells_of_hd_with_its_order_alone() -> None:
    order = OrderState(UUID(int=9), ATTEMPT, OrderStatus.RENDERING, HdState.RENDERING)
    waits = OrderState(UUID(int=8), ATTEMPT, OrderStatus.AWAITING_PAYMENT, HdState.WAITING)
    hd = attempt(
        id=UUID(int=5), kind="hd", order_id=order.order_id, status="queued", stage="queued"
    )
    wait = {hd.id: Waiting(Stage.PROVISIONING, 1, 90, 0.5)}
    state = JobState(job(), [attempt(), hd], 41, [waits, order])
    data = json.loads(fields(snapshot_frame(state, wait).content)["data"])
    assert [each["attempt_id"] for each in data["attempts"]] == [str(ATTEMPT)]
    named = {"attempt_id": str(ATTEMPT)}
    nothing = dict.fromkeys(("stage", "queue_position", "eta_seconds", "boot_progress"))
    assert data["orders"] == [
        {
            **named,
            **nothing,
            **{"order_id": str(waits.order_id), "progress": 0.0},
            **{"status": "awaiting_payment", "hd": "waiting"},
        },
        {
            **named,
            **{"order_id": str(order.order_id), "status": "rendering", "hd": "rendering"},
            **{"stage": "provisioning", "progress": 0.1, "queue_position": 1},
            **{"eta_seconds": 90, "boot_progress": 0.5},
        },
    ]


def test_clients_come_back_after_a_moment_but_not_all_at_once() -> None:
    waits = {int(fields(retry_frame())["retry"]) for _ in range(50)}
    assert len(waits) > 10
    assert 1000 <= min(waits) <= max(waits) <= 3000


def test_a_keepalive_is_a_comment() -> None:
    assert KEEPALIVE.startswith(b":")
    assert KEEPALIVE.endswith(b"\n\n")
    assert KEEPALIVE.count(b"\n") == 2


@pytest.mark.parametrize(
    ("word", "found"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("0", 0),
        (" 12 ", 12),
        ("007", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("9" * 5000, None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("1_000", None),
        ("٣", None),
        ("²", None),
        ("1; drop table", None),
    ],
)
def test_an_id_is_read_or_passed_over(word: str | None, found: int | None) -> None:
    assert event_id_in(word) == found


@pytest.mark.parametrize("payload", ["", ":", "x:1", f"{JOB}", f"{JOB}:", f"{JOB}:x"])
def test_a_payload_that_is_no_notice_is_refused(payload: str) -> None:
    assert Notice.parse(f"{JOB}:12") == Notice(JOB, 12)
    with pytest.raises(ValueError):
        Notice.parse(payload)
