"""Search attributes: what operators filter by in Temporal's Web UI. Nothing of a person in them."""

from temporalio.common import SearchAttributeKey

GPU_CLASS = SearchAttributeKey.for_keyword("RekindleGpuClass")
"""`image` or `video`."""

STAGE = SearchAttributeKey.for_keyword("RekindleStage")
"""What a workflow is doing, in one word."""

POD = SearchAttributeKey.for_keyword("RekindlePod")
"""A pod's name."""

PAID = SearchAttributeKey.for_keyword("RekindlePaid")
"""`yes` for work that a person has paid for, `no` for what waits to be paid."""

KEYWORDS = (GPU_CLASS.name, STAGE.name, POD.name, PAID.name)
"""All of them, to be registered before a workflow uses them."""
