"""Entry point of ``python -m simulators.stripe``."""

from simulators.stripe.cli import main

main()
