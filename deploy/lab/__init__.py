"""A laboratory for the autoscaling policy: traces, a virtual clock, rivals and the exact optimum.

Belongs here: what replays arrivals through `rekindle.rules.scaling` and scores it. The policy
itself does not.
"""
