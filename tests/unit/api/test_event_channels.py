"""Fan-out in a process: who gets what, bounded, without gaps."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.events.channels import MAILBOX_FRAMES, Channels, Mailbox
from api.events.frames import Frame
from rekindle.store.events import Notice

JOB, OTHER = UUID(int=1), UUID(int=2)


def frames(*ids: int) -> list[Frame]:
    return [Frame(each, b"") for each in ids]


def ids(mailbox: Mailbox) -> list[int]:
    return [frame.id for frame in mailbox.take()]


@pytest.fixture
def channels() -> Channels:
    return Channels()


def test_a_mailbox_gives_what_it_got_once_and_in_order() -> None:
    mailbox = Mailbox()
    mailbox.put(frames(1, 2))
    mailbox.put(frames(3))
    assert ids(mailbox) == [1, 2, 3]
    assert ids(mailbox) == []


def test_a_full_mailbox_drops_everything_and_says_so() -> None:
    mailbox = Mailbox(size=3)
    mailbox.put(frames(1, 2))
    mailbox.put(frames(3, 4))
    assert mailbox.behind
    mailbox.put(frames(5))
    assert ids(mailbox) == []
    mailbox.catch_up()
    mailbox.put(frames(6))
    assert not mailbox.behind
    assert ids(mailbox) == [6]


@given(st.lists(st.integers(0, 10), max_size=60))
def test_a_mailbox_never_holds_more_than_its_size(batches: list[int]) -> None:
    mailbox = Mailbox(size=8)
    for size in batches:
        mailbox.put(frames(*range(size)))
    assert len(mailbox.take()) <= 8


async def test_a_mailbox_wakes_its_stream_for_frames_and_for_the_end() -> None:
    mailbox = Mailbox()
    assert not await mailbox.changed(0.001)
    mailbox.put(frames(1))
    assert await mailbox.changed(1)
    assert not await mailbox.changed(0.001)
    mailbox.end()
    assert await mailbox.changed(1)
    assert mailbox.ended


async def test_a_job_is_read_only_after_its_first_stream_has_read_itself(
    channels: Channels,
) -> None:
    with channels.mailbox(JOB):
        channels.note(Notice(JOB, 5))
        assert channels.due(10) == {}
        channels.follow(JOB, 4)
        assert channels.work.is_set()
        assert channels.due(10) == {JOB: 4}
        assert channels.due(10) == {}


async def test_everybody_who_follows_a_job_gets_its_frames_and_nobody_else(
    channels: Channels,
) -> None:
    with (
        channels.mailbox(JOB) as one,
        channels.mailbox(JOB) as two,
        channels.mailbox(OTHER) as other,
    ):
        channels.follow(JOB, 0)
        channels.follow(OTHER, 0)
        channels.note(Notice(JOB, 3))
        channels.deliver(channels.due(10), {JOB: frames(2, 3)})
        assert (ids(one), ids(two), ids(other)) == ([2, 3], [2, 3], [])


async def test_a_notice_of_what_was_already_read_or_is_not_followed_causes_no_reading(
    channels: Channels,
) -> None:
    with channels.mailbox(JOB):
        channels.follow(JOB, 7)
        channels.note(Notice(JOB, 7))
        channels.note(Notice(OTHER, 9))
        assert not channels.work.is_set()
        channels.note(Notice(JOB, 8))
        assert channels.due(10) == {JOB: 7}


async def test_a_notice_during_a_reading_causes_another(channels: Channels) -> None:
    with channels.mailbox(JOB):
        channels.follow(JOB, 0)
        channels.note(Notice(JOB, 1))
        read = channels.due(10)
        channels.note(Notice(JOB, 2))
        channels.deliver(read, {JOB: frames(1)})
        assert channels.due(10) == {JOB: 1}


async def test_who_comes_from_further_back_leaves_no_gap(channels: Channels) -> None:
    """Two streams read the log themselves; the one that read earlier says so later."""
    with channels.mailbox(JOB) as ahead, channels.mailbox(JOB) as back:
        channels.follow(JOB, 5)
        channels.follow(JOB, 3)
        read = channels.due(10)
        assert read == {JOB: 3}
        channels.deliver(read, {JOB: frames(4, 5)})
        assert ids(back) == ids(ahead) == [4, 5]


async def test_a_reading_that_somebody_from_further_back_overtook_is_done_again(
    channels: Channels,
) -> None:
    with channels.mailbox(JOB) as mailbox:
        channels.follow(JOB, 5)
        channels.note(Notice(JOB, 6))
        read = channels.due(10)
        channels.follow(JOB, 3)
        channels.deliver(read, {JOB: frames(6)})
        assert ids(mailbox) == []
        assert channels.due(10) == {JOB: 3}


async def test_frames_of_a_job_that_nobody_follows_any_more_are_dropped(
    channels: Channels,
) -> None:
    with channels.mailbox(JOB):
        channels.follow(JOB, 0)
        channels.note_all()
        read = channels.due(10)
    channels.deliver(read, {JOB: frames(1)})
    with channels.mailbox(JOB) as mailbox:
        assert ids(mailbox) == []
        assert channels.due(10) == {}
    assert channels.mailboxes == 0


async def test_so_many_jobs_are_read_at_once_and_the_rest_next(channels: Channels) -> None:
    from contextlib import ExitStack

    with ExitStack() as stack:
        for number in range(5):
            stack.enter_context(channels.mailbox(UUID(int=number)))
            channels.follow(UUID(int=number), 0)
        channels.note_all()
        read: set[UUID] = set()
        for expected in (2, 2, 1):
            assert channels.work.is_set()
            due = channels.due(2)
            assert len(due) == expected
            read |= due.keys()
        assert len(read) == 5
        assert not channels.work.is_set()


async def test_a_failed_reading_stays_to_be_done(channels: Channels) -> None:
    with channels.mailbox(JOB):
        channels.follow(JOB, 1)
        channels.note_all()
        channels.note_again(channels.due(10))
        assert channels.work.is_set()
        assert channels.due(10) == {JOB: 1}


async def test_the_end_reaches_every_stream_and_those_that_come(channels: Channels) -> None:
    with channels.mailbox(JOB) as before:
        channels.end()
        with channels.mailbox(OTHER) as after:
            assert before.ended
            assert after.ended


def test_what_is_read_at_once_fits_into_a_mailbox() -> None:
    from api.events import hub

    assert hub._EVENTS_AT_ONCE < MAILBOX_FRAMES
