"""The life of a pod, as its `GpuPod` workflow has it done.

Here belongs renting and returning a pod, waiting until it can work, and giving its room to this
process. Here does not belong how many pods there should be (`activities.fleet`), nor when one
ends (`workflows_temporal.gpu_pod`).
"""

from activities.pods.life import PodActivities
from activities.pods.renting import Renting, Terms

__all__ = ["PodActivities", "Renting", "Terms"]
