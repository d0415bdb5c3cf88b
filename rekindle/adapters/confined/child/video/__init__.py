"""Videos, by FFmpeg's libraries through PyAV."""
