"""The commands `rekindle graphs ...`: the installed packs, and whether a server can run them.

Here belongs one file for each command. Here does not belong what a pack is, nor the comparison
with a server: that is the room `comfy_graphs`.
"""
