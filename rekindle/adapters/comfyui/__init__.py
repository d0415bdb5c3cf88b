"""ComfyUI's HTTP and websocket wire (`ports.comfy.Comfy`), bare or behind a checking agent."""

from rekindle.adapters.comfyui.client import ComfyClient

__all__ = ["ComfyClient"]
