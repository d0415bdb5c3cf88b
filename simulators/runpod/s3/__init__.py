"""The S3 door of network volumes: who asks, which files there are, how S3 words it."""
