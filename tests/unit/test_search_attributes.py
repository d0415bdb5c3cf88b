"""What operators filter workflows by."""

import pytest

from rekindle.contracts import search
from rekindle.contracts.statuses import GpuClass


@pytest.mark.parametrize("gpu_class", list(GpuClass))
def test_a_render_of_an_order_is_found_among_what_is_paid(gpu_class: GpuClass) -> None:
    for is_paid, word in ((True, "yes"), (False, "no")):
        told = search.of_render(gpu_class, is_paid=is_paid)
        assert told[search.PAID] == word
        assert told[search.GPU_CLASS] == gpu_class.value
        assert told[search.BACKEND] == "pods"


@pytest.mark.parametrize("gpu_class", list(GpuClass))
def test_every_attribute_that_is_used_gets_registered(gpu_class: GpuClass) -> None:
    for told in (search.of_render(gpu_class, is_paid=True), search.of_pod(gpu_class)):
        assert {pair.key.name for pair in told} <= set(search.KEYWORDS)
