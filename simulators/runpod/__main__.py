"""Entry point of ``python -m simulators.runpod``."""

from simulators.runpod.cli import main

main()
