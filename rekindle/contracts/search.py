"""Search attributes: what operators filter by in Temporal's Web UI. Nothing of a person in them."""

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from rekindle.contracts.statuses import GpuClass

GPU_CLASS = SearchAttributeKey.for_keyword("RekindleGpuClass")
"""`image` or `video`."""

STAGE = SearchAttributeKey.for_keyword("RekindleStage")
"""What a workflow is doing, in one word."""

POD = SearchAttributeKey.for_keyword("RekindlePod")
"""A pod's name."""

PAID = SearchAttributeKey.for_keyword("RekindlePaid")
"""`yes` for work that a person has paid for, `no` for what waits to be paid."""

BACKEND = SearchAttributeKey.for_keyword("RekindleBackend")
"""Who runs graphs: `pods`, which are machines behind a GPU task queue, rented or fixed."""

KEYWORDS = (GPU_CLASS.name, STAGE.name, POD.name, PAID.name, BACKEND.name)
"""All of them, to be registered before a workflow uses them."""


def of_pod(gpu_class: GpuClass) -> TypedSearchAttributes:
    """What a pod's owner is started with; its stage and its pod's name follow."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(GPU_CLASS, gpu_class.value),
            SearchAttributePair(BACKEND, "pods"),
        ]
    )


def of_render(gpu_class: GpuClass, *, is_paid: bool) -> TypedSearchAttributes:
    """What a render is started with. Nothing follows: each change would be an event.

    Args:
        is_paid: whether it belongs to an order.
    """
    paid = SearchAttributePair(PAID, "yes" if is_paid else "no")
    return TypedSearchAttributes([*of_pod(gpu_class), paid])
