"""Which GPU types are tried, in which order, and which pods are the fleet's."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from deploy.cli.failures import CloudSaysNo
from deploy.cli.pods.choosing import by_stock_and_price, candidates
from deploy.cli.pods.describing import fleet_of, line
from rekindle.ports.gpu_cloud import CloudPhase, CloudPod, GpuOffer, Stock


def offer(name: str, gb: int = 24, usd: str | None = "0.5", stock: Stock = Stock.HIGH) -> GpuOffer:
    price = None if usd is None else Decimal(usd)
    return GpuOffer(f"NVIDIA {name}", name, gb, price, stock, {}, 8)


CATALOGUE = [
    offer("H100", 80, "2.5"),
    offer("L40S", 48, "0.8", Stock.LOW),
    offer("RTX 4090", 24, "0.6"),
    offer("RTX 3090", 24, "0.4"),
    offer("A5000", 24, "0.2", Stock.NONE),
    offer("L4", 24, None),
    offer("A4000", 16, "0.1"),
]


def test_without_a_wish_stock_comes_before_price_and_memory_is_the_usual() -> None:
    found = candidates(CATALOGUE, ())
    assert found == ["NVIDIA RTX 3090", "NVIDIA RTX 4090", "NVIDIA L4", "NVIDIA L40S"]


def test_wishes_are_tried_in_their_order_whatever_the_catalogue_says_of_their_stock() -> None:
    wanted = ("rtx 4090", "NVIDIA A5000", "H100", "NVIDIA RTX 4090")
    assert candidates(CATALOGUE, wanted) == ["NVIDIA RTX 4090", "NVIDIA A5000", "NVIDIA H100"]


def test_a_gpu_that_nobody_has_is_met_with_a_suggestion() -> None:
    with pytest.raises(CloudSaysNo, match="Did you mean NVIDIA RTX 4090") as refused:
        candidates(CATALOGUE, ("RTX 4900",))
    assert refused.value.code == "unknown_gpu"


def test_nothing_in_stock_is_said_before_anything_is_asked_for() -> None:
    with pytest.raises(CloudSaysNo, match="--gpu") as refused:
        candidates([offer("A5000", stock=Stock.NONE), offer("H100", 80)], ())
    assert refused.value.code == "no_gpu_stock"


def test_an_untold_price_sorts_behind_every_price() -> None:
    assert [o.name for o in by_stock_and_price([offer("a", usd=None), offer("b", usd="9")])] == [
        *("b", "a")
    ]


@pytest.mark.parametrize(
    ("name", "fleet"),
    [
        ("rk-prod-image-0-7", "prod"),
        ("rk-dev-video-12-1", "dev"),
        ("rk-dev-audio-1-1", None),
        ("rk-dev-image-1", None),
        ("rk-image-1-1", None),
        ("mine", None),
        ("", None),
        ("my-rk-dev-image-0-1", None),
    ],
)
def test_the_fleets_pods_are_known_by_their_names(name: str, fleet: str | None) -> None:
    assert fleet_of(name) == fleet


@pytest.mark.parametrize("missing", [{}, {"gpu_type": None, "data_center": None}])
def test_a_line_has_every_column_whatever_is_not_known(missing: dict[str, Any]) -> None:
    made = datetime(2026, 6, 1, 12, tzinfo=UTC)
    known: dict[str, Any] = {"gpu_type": "NVIDIA L4", "data_center": "EU-RO-1", **missing}
    pod = CloudPod(
        cloud_id="p1",
        name="rk-prod-image-0-7",
        phase=CloudPhase.RUNNING,
        has_runtime=False,
        usd_per_hour=Decimal("0.44"),
        created_at=made,
        started_at=None,
        **known,
    )
    shown = line(pod, now=made.replace(minute=5))
    assert shown[:4] == ("p1", "rk-prod-image-0-7", "prod", "RUNNING, no runtime")
    assert shown[4:6] == ((known["gpu_type"] or "-"), (known["data_center"] or "-"))
    assert shown[7] == "5 min 00 s"
