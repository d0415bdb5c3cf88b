"""The decoder's child process: reads one untrusted file, writes re-encoded ones, and ends.

Here belongs what runs inside that process; `photo/` and `video/` hold what only one of them needs.
It imports the standard library, Pillow, pillow_heif and PyAV only, never the rest of Rekindle, so a
child starts in a blink and holds nothing worth stealing.
"""
