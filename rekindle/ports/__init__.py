"""Protocols: what the rooms need from the world, in our words. No implementation, no vendor."""
