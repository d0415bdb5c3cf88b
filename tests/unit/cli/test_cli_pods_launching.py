"""Renting one pod under one name, on an account whose answers get lost."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from deploy.cli.pods.launching import Launched, Patience, rent
from rekindle.errors import CloudRefused, CloudUnavailable, NoGpuStock
from rekindle.ports.gpu_cloud import CloudPhase, CloudPod, GpuOffer, PodBill, PodOrder, Volume

ORDER = PodOrder(name="mine", image="i:1", gpu_type="", ports=("8001/http",), disk_gb=40)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HASTY = Patience(lag_seconds=0.05, look_seconds=0.01, busy_seconds=0.0)

Answer = Callable[[PodOrder], CloudPod]


class Account:
    """The pods of an account; what its next answers are, a test decides."""

    def __init__(self) -> None:
        self.pods: list[CloudPod] = []
        self.asked: list[str] = []
        self.terminated: list[str] = []
        self.answers: list[Answer] = []
        self.hidden_looks = 0
        self.deaf_looks = 0
        self._numbers = itertools.count(1)

    def put(self, name: str = "mine", phase: CloudPhase = CloudPhase.RUNNING) -> CloudPod:
        number = next(self._numbers)
        made = NOON + timedelta(minutes=number)
        pod = CloudPod(
            *(f"p{number}", name, phase, "G", "EU-RO-1", False, Decimal("0.4"), made, None)
        )
        self.pods.append(pod)
        return pod

    async def create(self, order: PodOrder) -> CloudPod:
        self.asked.append(order.gpu_type)
        answer = self.answers.pop(0) if self.answers else self.accept
        return answer(order)

    def accept(self, order: PodOrder) -> CloudPod:
        return self.put(order.name, CloudPhase.PROVISIONING)

    def lose_the_answer(self, order: PodOrder) -> CloudPod:
        self.accept(order)
        raise CloudUnavailable("read time-out")

    def lose_the_question(self, _: PodOrder) -> CloudPod:
        raise CloudUnavailable("502")

    def have_none(self, order: PodOrder) -> CloudPod:
        raise NoGpuStock(f"no {order.gpu_type}")

    async def find(self, prefix: str) -> Sequence[CloudPod]:
        if self.deaf_looks > 0:
            self.deaf_looks -= 1
            raise CloudUnavailable("busy")
        if self.hidden_looks > 0:
            self.hidden_looks -= 1
            return []
        return [pod for pod in self.pods if pod.name.startswith(prefix)]

    async def terminate(self, cloud_id: str) -> bool:
        self.terminated.append(cloud_id)
        kept = [pod for pod in self.pods if pod.cloud_id != cloud_id]
        was_there, self.pods = len(kept) < len(self.pods), kept
        return was_there

    async def get(self, cloud_id: str) -> CloudPod | None:
        return next((pod for pod in self.pods if pod.cloud_id == cloud_id), None)

    async def offers(self, *, data_center: str | None = None) -> Sequence[GpuOffer]:
        return []

    async def volumes(self) -> Sequence[Volume]:
        return []

    async def bills(self, *, since: datetime) -> Sequence[PodBill]:
        return []

    def address(self, cloud_id: str, port: int) -> str:
        return f"http://{cloud_id}:{port}"


@pytest.fixture
def account() -> Account:
    return Account()


async def launch(account: Account, *gpus: str, patience: Patience = HASTY) -> Launched:
    async def choose() -> Sequence[str]:
        return gpus or ("A", "B")

    return await rent(account, ORDER, choose, patience)


async def test_the_first_candidate_that_can_be_had_is_rented(account: Account) -> None:
    account.answers = [account.have_none]
    launched = await launch(account)
    assert (launched.pod.cloud_id, launched.adopted) == ("p1", False)
    assert account.asked == ["A", "B"]


async def test_a_pod_of_the_name_is_taken_over_before_anything_is_asked(account: Account) -> None:
    account.put("mine-too")
    there = account.put()

    async def choose() -> Sequence[str]:
        raise AssertionError("nobody needs a candidate")

    assert await rent(account, ORDER, choose, HASTY) == Launched(there, adopted=True)
    assert (account.asked, account.terminated) == ([], [])


@pytest.mark.parametrize("phase", [CloudPhase.EXITED, CloudPhase.ERROR, CloudPhase.TERMINATED])
async def test_a_pod_that_has_ended_is_not_taken_over(account: Account, phase: CloudPhase) -> None:
    account.put(phase=phase)
    launched = await launch(account)
    assert (launched.pod.cloud_id, launched.adopted) == ("p2", False)


async def test_a_pod_whose_answer_was_lost_is_found_not_rented_again(account: Account) -> None:
    account.answers = [account.lose_the_answer]
    launched = await launch(account)
    assert launched.pod.cloud_id == "p1"
    assert (account.asked, len(account.pods)) == (["A"], 1)


async def test_a_listing_that_lags_is_given_time(account: Account) -> None:
    account.answers = [account.lose_the_answer]
    account.hidden_looks = 4  # the look before, and three after
    patient = replace(HASTY, lag_seconds=60.0)
    assert (await launch(account, patience=patient)).pod.cloud_id == "p1"
    assert account.asked == ["A"]


async def test_a_listing_that_fails_meanwhile_is_asked_again(account: Account) -> None:
    def lose_and_go_deaf(order: PodOrder) -> CloudPod:
        account.deaf_looks = 3
        return account.lose_the_answer(order)

    account.answers = [lose_and_go_deaf]
    patient = replace(HASTY, lag_seconds=60.0)
    assert (await launch(account, patience=patient)).pod.cloud_id == "p1"
    assert account.asked == ["A"]


async def test_nothing_is_rented_again_while_nobody_can_look(account: Account) -> None:
    def lose_and_go_deaf(order: PodOrder) -> CloudPod:
        account.deaf_looks = 10**6
        return account.lose_the_question(order)

    account.answers = [lose_and_go_deaf]
    with pytest.raises(CloudUnavailable):
        await launch(account)
    assert account.asked == ["A"]


async def test_a_question_that_was_lost_is_asked_again_of_the_same_candidate(
    account: Account,
) -> None:
    account.answers = [account.lose_the_question] * 2
    assert (await launch(account)).pod.cloud_id == "p1"
    assert account.asked == ["A", "A", "A"]


async def test_after_three_lost_questions_the_outcome_is_told_as_unknown(account: Account) -> None:
    account.answers = [account.lose_the_question] * 9
    with pytest.raises(CloudUnavailable):
        await launch(account)
    assert account.asked == ["A", "A", "A"]


async def test_a_pod_that_shows_only_later_costs_the_second_one(account: Account) -> None:
    """The first look misses what the lost answer made, so another is rented: one must go."""

    def lose_and_hide(order: PodOrder) -> CloudPod:
        account.hidden_looks = 1
        return account.lose_the_answer(order)

    account.answers = [lose_and_hide]
    launched = await launch(account, patience=replace(HASTY, lag_seconds=0.0))
    assert launched.pod.cloud_id == "p1"
    assert account.terminated == ["p2"]


async def test_of_two_pods_of_one_name_the_older_stays(account: Account) -> None:
    account.put()
    account.put()
    assert (await launch(account)).pod.cloud_id == "p1"
    assert account.terminated == ["p2"]


async def test_a_failure_of_the_last_look_does_not_lose_the_pod(account: Account) -> None:
    def accept_and_go_deaf(order: PodOrder) -> CloudPod:
        account.deaf_looks = 1
        return account.accept(order)

    account.answers = [accept_and_go_deaf]
    assert (await launch(account)).pod.cloud_id == "p1"


async def test_when_none_can_be_had_every_candidate_is_told_with_its_reason(
    account: Account,
) -> None:
    account.answers = [account.have_none] * 2
    with pytest.raises(NoGpuStock, match=r"A \(no A\); B \(no B\)"):
        await launch(account)


async def test_a_refusal_ends_it_since_no_candidate_can_help(account: Account) -> None:
    def refuse(order: PodOrder) -> CloudPod:
        raise CloudRefused("balance")

    account.answers = [refuse]
    with pytest.raises(CloudRefused):
        await launch(account)
    assert account.asked == ["A"]


async def test_a_rate_limit_is_waited_out_for_as_long_as_it_says(account: Account) -> None:
    def limit(order: PodOrder) -> CloudPod:
        raise CloudUnavailable("429", retry_after=0.01)

    account.answers = [limit]
    assert (await launch(account)).pod.cloud_id == "p1"
    assert account.asked == ["A", "A"]
