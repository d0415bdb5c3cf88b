"""Entry point of ``python -m simulators.comfyui``."""

from simulators.comfyui.cli import main

main()
