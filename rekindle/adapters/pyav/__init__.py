"""FFmpeg's libraries through PyAV, kept at arm's length: videos are decoded in a child process.

Here belongs reading and writing videos. This side never imports PyAV; it gives orders to the
children of `rekindle.adapters.confined`. The x264 that the wheel of PyAV brings is under the GPL.
"""

from rekindle.adapters.pyav.decoder import PyAvVideoDecoder

__all__ = ["PyAvVideoDecoder"]
