"""The room on the GPU pods attached in this process.

A *permit* lets the worker poll for one task and promises only that some pod has room. A *seat* is
one prompt's place on a particular pod, claimed when the task has really begun, and left when the
prompt has left the GPU, which is before its result has been stored: the next prompt need not wait.
Its *visit* lasts until the result is stored: a pod that drains is returned after its last visit.
Shortly before that the seat is *ending*, and one more prompt may come to stage its photo and stand
in the server's own queue: the GPU never waits for a transfer.

All methods belong to one event loop.
"""

import asyncio
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from rekindle.contracts.pods import Pod
from rekindle.errors import MachineAvoided, NoPod


@dataclass
class _Place:
    pod: Pod
    attached: bool = True
    taken: int = 0
    ending: int = 0
    visits: int = 0
    free_since: float = field(default_factory=time.monotonic)
    vacated: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def free(self) -> int:
        """Places for one more prompt; one that is nearly done leaves room for its successor."""
        return max(self.pod.places + self.ending - self.taken, 0) if self.attached else 0

    @property
    def turn(self) -> tuple[int, float]:
        """Whose room is taken first is the least.

        Among idle pods it is the one that came first, so that those too many idle on; among busy
        ones the one whose prompt ends first.
        """
        return self.taken, self.free_since if self.taken else 0.0


class ClaimedSeat:
    """One prompt's place on a pod (`ports.pods.Seat`)."""

    def __init__(self, seats: "PodSeats", pod: Pod, free_since: float) -> None:
        """Made by `PodSeats.claim` only."""
        self._seats = seats
        self._pod = pod
        self._free_since = free_since
        self._held = True
        self._visits = True
        self._ending = False

    @property
    def pod(self) -> Pod:
        """The pod it is on."""
        return self._pod

    @property
    def free_since(self) -> float:
        """When the place it takes had become free, on the monotonic clock."""
        return self._free_since

    def ending(self) -> None:
        """The prompt is nearly done: its successor may be staged meanwhile. Idempotent."""
        if self._held and not self._ending:
            self._ending = True
            self._seats._change(self._pod.pod_id, ending=1)

    def leave(self) -> None:
        """Give the GPU up. Idempotent."""
        if self._held:
            self._held = False
            self._seats._change(self._pod.pod_id, taken=-1, ending=-int(self._ending))

    def depart(self) -> None:
        """Have nothing left on the pod, nor on its GPU. Idempotent."""
        self.leave()
        if self._visits:
            self._visits = False
            self._seats._change(self._pod.pod_id, visits=-1)


class PodSeats:
    """The pods of one GPU class in this process (`ports.pods.Seats`) and the permits to poll."""

    def __init__(self) -> None:
        """Start with no pod, hence no room."""
        self._places: dict[str, _Place] = {}
        self._promised = 0
        self._claims = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def room(self) -> int:
        """Free places nobody was promised."""
        return sum(place.free for place in self._places.values()) - self._promised

    async def promise(self) -> None:
        """Wait for room and promise it to the caller, first come first served."""
        while self.room < 1:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._pass_on(turn)
                raise
        self._promised += 1

    def withdraw(self) -> None:
        """Take a promise back that no task claimed."""
        self._promised -= 1
        self._wake()

    def ended(self) -> None:
        """A task that had been promised room has ended.

        A task that failed before it could claim (an undecodable payload) would keep its promise for
        ever; as soon as more tasks ended than ever claimed, that promise is taken back.
        """
        self._claims -= 1
        if self._claims < 0:
            self._claims = 0
            self.withdraw()

    def claim(self, avoid: Collection[str] = ()) -> ClaimedSeat:
        """Turn a promise into a seat on the least busy pod. See `Seats.claim`."""
        self._claims += 1
        self._promised -= 1
        free = [place for place in self._places.values() if place.free]
        if not free:
            self._wake()
            raise NoPod("the pod that had room has left")
        free = [place for place in free if place.pod.machine not in avoid]
        if not free:
            self._wake()
            raise MachineAvoided(", ".join(avoid))
        place = min(free, key=lambda place: place.turn)
        place.taken += 1
        place.visits += 1
        place.vacated.clear()
        return ClaimedSeat(self, place.pod, place.free_since)

    def attach(self, pod: Pod) -> None:
        """Count this pod's room from now on. Idempotent."""
        place = self._places.get(pod.pod_id)
        if place is None:
            place = self._places[pod.pod_id] = _Place(pod)
            place.vacated.set()
        if not place.attached:
            place.attached = True
            place.free_since = time.monotonic()
        self._wake()

    def detach(self, pod_id: str) -> None:
        """Stop giving room on this pod; prompts already there stay. Idempotent."""
        place = self._places.get(pod_id)
        if place is not None:
            place.attached = False
            self._forget_if_empty(place)

    def busy(self, pod_id: str) -> int:
        """How many prompts of this process are on the pod."""
        place = self._places.get(pod_id)
        return place.taken if place else 0

    async def vacated(self, pod_id: str) -> None:
        """Return when no prompt of this process has anything on the pod."""
        place = self._places.get(pod_id)
        if place is not None:
            await place.vacated.wait()

    def _change(self, pod_id: str, *, taken: int = 0, ending: int = 0, visits: int = 0) -> None:
        place = self._places[pod_id]
        was_free = place.free
        place.taken += taken
        place.ending += ending
        place.visits += visits
        if place.free and not was_free:
            place.free_since = time.monotonic()
        if not place.visits:
            place.vacated.set()
            self._forget_if_empty(place)
        self._wake()

    def _forget_if_empty(self, place: _Place) -> None:
        if not place.attached and not place.visits:
            del self._places[place.pod.pod_id]

    def _wake(self) -> None:
        for _ in range(min(max(self.room, 0), len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)

    def _pass_on(self, turn: asyncio.Future[None]) -> None:
        """A waiter gave up: if it had been called already, call the next one."""
        if turn.done() and not turn.cancelled():
            self._wake()
        elif turn in self._waiting:
            self._waiting.remove(turn)
