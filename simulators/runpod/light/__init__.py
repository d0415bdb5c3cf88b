"""Light mode: the on-pod agent's wire for many pods, answered by this process itself."""
