"""The only place that names adapters: settings in, ports out.

One module for each process, so that none imports what it does not use: an on-pod agent has no
business with Temporal, Postgres or S3.
"""
