"""The wire: HTTP routes and the websocket, with ComfyUI's status codes and texts.

Handlers read requests as loosely as ComfyUI does and let Python errors escape; ``app`` turns
those into the same 500 that aiohttp answers. Every route also answers below ``/api``.
"""
