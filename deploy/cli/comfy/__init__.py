"""The commands `rekindle comfy ...`: any ComfyUI server by hand, without the rest of Rekindle.

Here belongs one file for each command, and what they share about one prompt. Here does not belong
how ComfyUI is spoken to (`rekindle.adapters.comfyui`) or how a server is chosen (`comfy_server`).
"""
