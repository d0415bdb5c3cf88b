"""Which GPU types to show, and which to try, in which order. Pure functions."""

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deploy.cli.failures import CloudSaysNo

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import GpuOffer

LEAST_GB, MOST_GB = 24, 48
"""Video memory that our graphs are made for, GB."""
_UNKNOWN_PRICE = 1e6


def by_stock_and_price(offers: Sequence["GpuOffer"]) -> list["GpuOffer"]:
    """The best stocked first, of those the cheapest; a price that is not told comes last."""

    def rank(offer: "GpuOffer") -> tuple[int, float]:
        price = _UNKNOWN_PRICE if offer.usd_per_hour is None else float(offer.usd_per_hour)
        return -offer.stock, price

    return sorted(offers, key=rank)


def candidates(offers: Sequence["GpuOffer"], wanted: Sequence[str]) -> list[str]:
    """GPU types to try, best first.

    Args:
        offers: the catalogue.
        wanted: ids or names such as `RTX 4090`, in the order to try them, whatever the catalogue
            says of their stock: it is wrong at times. Empty for any in stock of the usual memory.

    Raises:
        CloudSaysNo: one of them is not in the catalogue, or nothing is in stock.
    """
    if wanted:
        return list(dict.fromkeys(_named(offers, each) for each in wanted))
    usual = [o for o in offers if LEAST_GB <= o.memory_gb <= MOST_GB and o.stock]
    if not usual:
        raise CloudSaysNo(
            "no_gpu_stock",
            f"The catalogue has no GPU of {LEAST_GB} to {MOST_GB} GB in stock there. "
            "`rekindle gpus --all` shows the others; name one with --gpu.",
        )
    return [offer.gpu_type for offer in by_stock_and_price(usual)]


def _named(offers: Sequence["GpuOffer"], wanted: str) -> str:
    known = {name.casefold(): o.gpu_type for o in offers for name in (o.name, o.gpu_type)}
    if wanted.casefold() in known:
        return known[wanted.casefold()]
    near = difflib.get_close_matches(wanted.casefold(), known, n=1, cutoff=0.5)
    hint = f" Did you mean {known[near[0]]}?" if near else ""
    raise CloudSaysNo("unknown_gpu", f"The catalogue has no GPU called {wanted}.{hint}")
