"""Pillow and libheif, kept at arm's length: photos are decoded in a short-lived child process.

Here belongs reading and writing still images. This side starts the child, limits it and watches it;
it never imports Pillow. The program that decodes is `child/`.
"""

from rekindle.adapters.pillow.decoder import PillowPhotoDecoder

__all__ = ["PillowPhotoDecoder"]
