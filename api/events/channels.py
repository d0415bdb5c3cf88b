"""Who follows which job in this process, how far each job has been read, and what is to be read."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from api.events.frames import Frame
from api.events.news import WaitingNews
from rekindle.store.events import Notice

MAILBOX_FRAMES = 64


class Mailbox:
    """Frames on their way to one stream: bounded, so that a slow client costs little.

    When it is full, everything in it is dropped and it is `behind`: its stream then reads the log
    itself, at its own pace.
    """

    def __init__(self, size: int = MAILBOX_FRAMES) -> None:
        """An empty one.

        Args:
            size: most frames in it.
        """
        self._size = size
        self._frames: list[Frame] = []
        self._changed = asyncio.Event()
        self.behind = False
        self.ended = False
        self.news: WaitingNews | None = None

    def tell(self, news: WaitingNews) -> None:
        """Leave news in the place of older ones. Its stream wakes only if they say something else.

        A stream that passes over news takes them out, and is woken by the next.
        """
        if not news.is_as(self.news):
            self._changed.set()
        self.news = news

    def put(self, frames: Sequence[Frame]) -> None:
        """Add frames, or fall behind."""
        if self.behind or len(self._frames) + len(frames) > self._size:
            self._frames, self.behind = [], True
        else:
            self._frames += frames
        self._changed.set()

    def take(self) -> list[Frame]:
        """Everything in it."""
        taken, self._frames = self._frames, []
        return taken

    def catch_up(self) -> None:
        """Collect again; whoever was behind reads the log after this call, not before."""
        self.behind = False

    def end(self) -> None:
        """Tell its stream to end."""
        self.ended = True
        self._changed.set()

    async def changed(self, patience_seconds: float) -> bool:
        """Whether something happened to it within so many seconds."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True


@dataclass(eq=False)
class _Channel:
    """One followed job; `place` is the id up to which its followers have been told."""

    mailboxes: set[Mailbox] = field(default_factory=set)
    place: int | None = None


class Channels:
    """The followed jobs. Nothing here waits or reads.

    `work` says that `due` has something, `stirred` that `unsettled` has.
    """

    def __init__(self) -> None:
        """Nobody follows anything."""
        self._by_job: dict[UUID, _Channel] = {}
        self._due: set[UUID] = set()
        self._unsettled: set[UUID] = set()
        self._ended = False
        self.work = asyncio.Event()
        self.stirred = asyncio.Event()

    @property
    def mailboxes(self) -> int:
        """How many there are."""
        return sum(len(channel.mailboxes) for channel in self._by_job.values())

    @property
    def jobs(self) -> list[UUID]:
        """Those that anybody follows."""
        return list(self._by_job)

    @contextmanager
    def mailbox(self, job_id: UUID) -> Iterator[Mailbox]:
        """A mailbox for a job; from now on nothing of it is overlooked.

        Its stream then reads the log as far as it goes and says so by `follow`.
        """
        mailbox = Mailbox()
        if self._ended:
            mailbox.end()
        channel = self._by_job.setdefault(job_id, _Channel())
        channel.mailboxes.add(mailbox)
        try:
            yield mailbox
        finally:
            channel.mailboxes.remove(mailbox)
            if not channel.mailboxes:
                del self._by_job[job_id]
                self._due.discard(job_id)
                self._unsettled.discard(job_id)

    def follow(self, job_id: UUID, place: int) -> None:
        """Hand on what comes behind this place.

        The places of a job's streams differ when they read the log at different moments; the lowest
        counts, and streams pass over what they have already sent.
        """
        channel = self._by_job[job_id]
        if channel.place is not None and place < channel.place:
            self._due.add(job_id)
        channel.place = place if channel.place is None else min(place, channel.place)
        if job_id in self._due:
            self.work.set()
        self.stir([job_id])

    def note(self, notice: Notice) -> None:
        """There is a new event."""
        channel = self._by_job.get(notice.job_id)
        if channel is not None and (channel.place is None or channel.place < notice.event_id):
            self.note_again([notice.job_id])

    def note_all(self) -> None:
        """There may be new events of any job."""
        self.note_again(self._by_job)

    def note_again(self, jobs: Iterable[UUID]) -> None:
        """These jobs are still to be read, those of them that anybody follows."""
        self._due.update(job_id for job_id in jobs if job_id in self._by_job)
        if self._due:
            self.work.set()

    def due(self, limit: int) -> dict[UUID, int]:
        """Jobs to be read now, with their places; they are no longer due then.

        Args:
            limit: at most so many; the rest stays due.
        """
        self.work.clear()
        found: dict[UUID, int] = {}
        for job_id in list(self._due):
            place = self._by_job[job_id].place
            if len(found) == limit:
                self.work.set()
                break
            if place is not None:  # else its first stream has not read yet
                found[job_id] = place
                self._due.remove(job_id)
        return found

    def deliver(self, read: Mapping[UUID, int], frames: Mapping[UUID, Sequence[Frame]]) -> None:
        """Hand frames to whoever follows their jobs.

        Args:
            read: the places behind which was read, as `due` gave them.
            frames: what was found, by job, in order.
        """
        for job_id, found in frames.items():
            channel = self._by_job.get(job_id)
            if channel is None:
                continue
            if channel.place != read[job_id]:  # somebody came who is further back
                self.note_again([job_id])
                continue
            channel.place = found[-1].id
            for mailbox in channel.mailboxes:
                mailbox.put(found)
            self.stir([job_id])

    def stir(self, jobs: Iterable[UUID]) -> None:
        """Something of these jobs may wait: those of them that anybody follows are to be asked."""
        self._unsettled.update(job_id for job_id in jobs if job_id in self._by_job)
        if self._unsettled:
            self.stirred.set()

    def unsettled(self) -> set[UUID]:
        """Followed jobs of which something may wait; they are taken as settled then."""
        self.stirred.clear()
        found, self._unsettled = self._unsettled, set()
        return found

    def tell(self, news: Mapping[UUID, WaitingNews]) -> None:
        """Tell whoever follows these jobs how they wait, and have them asked again."""
        for job_id, of_job in news.items():
            if channel := self._by_job.get(job_id):
                for mailbox in channel.mailboxes:
                    mailbox.tell(of_job)
        self.stir(news)

    def end(self) -> None:
        """End every stream, and those that come."""
        self._ended = True
        for channel in self._by_job.values():
            for mailbox in channel.mailboxes:
                mailbox.end()
