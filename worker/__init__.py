"""Processes that run workflows and activities: the worker, its GPU slots, the on-pod agent.

What starts, polls and stops belongs here. What is decided (`workflows_temporal`) and what is done
(`activities`) does not.
"""
