"""Temporal task queues."""

from rekindle.contracts.statuses import GpuClass

CONTROL = "control"
"""Workflows and the activities that need no GPU."""

PODS = "pods"
"""The life of pods: launch, serve, terminate."""

WEBHOOKS = "webhooks"
"""Sending webhooks: their receivers are strangers', and may be slow."""


def gpu(gpu_class: GpuClass) -> str:
    """The task queue on which a slot is a GPU of that class."""
    return f"gpu-{gpu_class}"
