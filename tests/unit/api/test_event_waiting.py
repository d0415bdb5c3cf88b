"""News of waiting attempts: on the wire, in mailboxes, and which jobs are asked about."""

import json
from typing import Any
from uuid import UUID

import pytest

from api.events.channels import Channels, Mailbox
from api.events.frames import Frame
from api.events.news import WaitingNews, waiting_news
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, Stage
from rekindle.rules.waiting import Waiting
from rekindle.store.waiting import WaitingAttempt

JOB, OTHER, ATTEMPT = UUID(int=1), UUID(int=2), UUID(int=3)


def news(
    position: int = 1, *, place: int = 5, asked_at: float = 1.0, **further: Any
) -> WaitingNews:
    wait = Waiting(Stage.PROVISIONING, position, 105, 0.25)
    attempt = WaitingAttempt(ATTEMPT, JOB, AttemptStatus.QUEUED, 0.0, wait, place, **further)
    return waiting_news([attempt], asked_at=asked_at)[JOB]


@pytest.fixture
def channels() -> Channels:
    return Channels()


def fields_of(found: WaitingNews) -> dict[str, str]:
    lines = found.waits[ATTEMPT].content.decode().removesuffix("\n\n").split("\n")
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize("kind", [AttemptKind.RESTORE, AttemptKind.ANIMATION])
def test_an_attempt_that_waits_is_told_without_an_id(kind: AttemptKind) -> None:
    fields = fields_of(news(3, kind=kind))
    assert fields.keys() == {"event", "data"}
    assert fields["event"] == "attempt.waiting"
    data: dict[str, Any] = json.loads(fields["data"])
    assert data.pop("at").endswith("Z")
    assert data == {
        "job_id": str(JOB),
        "attempt_id": str(ATTEMPT),
        "kind": kind,
        "status": "queued",
        "stage": "provisioning",
        "progress": 0.0,
        "error": None,
        "queue_position": 3,
        "eta_seconds": 105,
        "boot_progress": 0.25,
    }


def test_hd_that_waits_is_told_of_its_order() -> None:
    source, order = UUID(int=4), UUID(int=5)
    fields = fields_of(news(3, kind=AttemptKind.HD, source_id=source, order_id=order))
    assert fields.keys() == {"event", "data"}
    assert fields["event"] == "order.waiting"
    data: dict[str, Any] = json.loads(fields["data"])
    assert data.pop("at").endswith("Z")
    assert data == {
        "job_id": str(JOB),
        "order_id": str(order),
        "attempt_id": str(source),
        "stage": "provisioning",
        "progress": 0.0,
        "queue_position": 3,
        "eta_seconds": 105,
        "boot_progress": 0.25,
    }


async def test_a_mailbox_wakes_its_stream_only_for_news_that_say_something_else() -> None:
    mailbox = Mailbox()
    mailbox.tell(news(2))
    assert await mailbox.changed(1)
    mailbox.tell(news(2, asked_at=2.0))
    assert not await mailbox.changed(0.001)
    for other in (news(1, asked_at=3.0), news(1, place=6, asked_at=4.0)):
        mailbox.tell(other)
        assert await mailbox.changed(1)
        assert mailbox.news is other


async def test_a_stream_that_took_its_news_out_is_woken_by_the_same_ones() -> None:
    mailbox = Mailbox()
    mailbox.tell(news())
    assert await mailbox.changed(1)
    mailbox.news = None
    mailbox.tell(news())
    assert await mailbox.changed(1)


async def test_a_job_is_asked_about_once_it_is_followed_and_while_something_waits(
    channels: Channels,
) -> None:
    with channels.mailbox(JOB) as mailbox:
        assert not channels.stirred.is_set()
        channels.follow(JOB, 5)
        assert channels.stirred.is_set()
        for _ in range(3):
            assert channels.unsettled() == {JOB}
            channels.tell({JOB: news()})
            assert mailbox.news is not None
        assert channels.unsettled() == {JOB}
        channels.tell({})
        assert not channels.stirred.is_set()
        assert channels.unsettled() == set()


async def test_a_settled_job_is_asked_about_again_when_something_happens_to_it(
    channels: Channels,
) -> None:
    with channels.mailbox(JOB), channels.mailbox(OTHER):
        channels.follow(JOB, 0)
        channels.follow(OTHER, 0)
        channels.unsettled()
        channels.note_all()
        channels.deliver(channels.due(10), {JOB: [Frame(1, b"")]})
        assert channels.stirred.is_set()
        assert channels.unsettled() == {JOB}


async def test_what_happens_during_the_asking_is_asked_about_next(channels: Channels) -> None:
    with channels.mailbox(JOB):
        channels.follow(JOB, 0)
        assert channels.unsettled() == {JOB}
        channels.stir([JOB])
        channels.tell({})
        assert channels.unsettled() == {JOB}


async def test_nobody_is_asked_about_a_job_that_is_not_followed_any_more(
    channels: Channels,
) -> None:
    with channels.mailbox(JOB):
        channels.follow(JOB, 0)
    channels.tell({JOB: news()})
    channels.stir([JOB])
    assert channels.unsettled() == set()
