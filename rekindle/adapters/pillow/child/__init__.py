"""The decoder's child process: reads one untrusted file, writes re-encoded ones, and ends.

Here belongs what runs inside that process. It imports the standard library, Pillow and pillow_heif
only, never the rest of Rekindle, so a child starts in a blink and holds nothing worth stealing.
"""
