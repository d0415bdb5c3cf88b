"""Words of contracts that commands repeat, so that `--help` imports nothing slow."""

from enum import StrEnum

import pytest

from deploy.cli import client, costs, webhooks
from deploy.cli.bills import BillsBy
from deploy.cli.fleet.drain import Class
from deploy.cli.orders import listing
from deploy.cli.pods.describing import OVER
from deploy.cli.waiting import STAGES
from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.statuses import AttemptStatus, GpuClass, Stage
from rekindle.contracts.webhooks import DeliveryStatus
from rekindle.ports.gpu_cloud import CloudPhase
from rekindle.store.costs import Heading


@pytest.mark.parametrize(
    ("repeated", "contract"),
    [
        (listing.Status, set(OrderStatus)),
        (webhooks.Status, set(DeliveryStatus) - {DeliveryStatus.GONE}),  # which is in no row
        (Class, set(GpuClass)),
    ],
    ids=["orders", "webhooks", "fleet"],
)
def test_a_command_knows_every_word_of_its_contract(
    repeated: type[StrEnum], contract: set[StrEnum]
) -> None:
    assert {each.value for each in repeated} == contract


def test_costs_are_told_apart_by_every_heading_and_by_order() -> None:
    assert {each.value for each in costs.By} == {each.value for each in Heading} | {"order"}
    assert {each.value for each in BillsBy} < {each.value for each in costs.By}


def test_every_stage_has_its_words() -> None:
    assert set(STAGES) == set(Stage)


def test_what_is_over_is_a_word_of_what_may_be_over() -> None:
    assert {each for each in AttemptStatus if each.is_final} == client._FINAL
    assert set(OrderStatus) > client._ENDS_OF_ORDERS
    assert set(OVER) < set(CloudPhase)
