"""Processes: what runs in a pod when the simulator is not in light mode."""
