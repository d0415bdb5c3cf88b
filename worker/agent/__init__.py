"""The on-pod agent: the one open port of a rented GPU, in front of a ComfyUI that has no door.

What belongs here: who may speak to this pod's ComfyUI and in which words, the pod's own health,
its dead-man's switch, and the recycling of a ComfyUI that grew or hangs. Jobs, photos and money do
not: a pod holds no cloud, database, Stripe or Temporal secret, only its own token.

    python -m worker.agent
"""
