"""What a process of tests, and those that it starts, need not do: it would cost a lot of time."""

import gc
import os

import pytest

# Whoever speaks TLS here brings a certificate. Every HTTP client would read those of the world,
# whatever it is for: 15 ms each.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.devnull

# What is collected first, modules and thousands of tests, stays to the end: no garbage to look for.
gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for garbage from here on, and only among what the tests make.

    With half a million objects of modules and tests in it, every full collection took a third of a
    second: a fifth of the time of the tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()
