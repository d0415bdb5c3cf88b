"""Pillow and libheif, kept at arm's length: photos are decoded in a child process.

Here belongs reading and writing still images. This side never imports Pillow; it gives orders to
the children of `rekindle.adapters.confined`.
"""

from rekindle.adapters.pillow.decoder import PillowPhotoDecoder

__all__ = ["PillowPhotoDecoder"]
