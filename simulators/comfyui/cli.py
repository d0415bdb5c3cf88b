"""The command line, with ComfyUI's names for ComfyUI's flags."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from simulators.comfyui.options import CacheMode, ModelFile, ModelsMode, Options
from simulators.comfyui.shelf import known_folder

# Flags of ComfyUI that change nothing here; a launch script can keep them.
_IGNORED_SWITCHES = (
    "--cpu",
    "--disable-api-nodes",
    "--disable-all-custom-nodes",
    "--disable-auto-launch",
    "--dont-print-server",
    "--lowvram",
    "--highvram",
    "--normalvram",
    "--async-offload",
)
_IGNORED_VALUES = (
    "--database-url",
    "--extra-model-paths-config",
    "--preview-method",
    "--reserve-vram",
    "--verbose",
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the engine until it is ended."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    # A long chain of nodes is validated recursively; ComfyUI gets about this far.
    sys.setrecursionlimit(2_000)
    # NumPy's BLAS sets memory aside for every core, and no node multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from simulators.comfyui.server import serve

    serve(options)


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; a mistake ends the process with a sentence, as usual."""
    given = _parser().parse_args(arguments)
    cache = CacheMode.CLASSIC
    if given.cache_none:
        cache = CacheMode.NONE
    elif given.cache_lru > 0:
        cache = CacheMode.LRU
    return Options(
        base_directory=given.base_directory,
        listen=given.listen,
        port=given.port,
        models_mode=ModelsMode(given.models_mode),
        models=tuple(given.model),
        cache=cache,
        cache_size=given.cache_lru,
        disable_metadata=given.disable_metadata,
        max_upload_mb=given.max_upload_size,
        canonical_ids=given.canonical_ids,
        node_delay=dict(given.node_delay),
        step_delay=given.step_delay,
        argv=("simulators.comfyui", *arguments),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.comfyui",
        description="A small engine with ComfyUI's wire. It runs the core nodes that need no "
        "model weights, and draws test cards where a model would be.",
    )
    add = parser.add_argument
    add("--base-directory", type=Path, required=True, help="input, output, temp, models, ledger")
    add("--listen", default="127.0.0.1", nargs="?", const="0.0.0.0", metavar="IP")  # noqa: S104  # nosec B104
    add("--port", type=int, default=8188, help="0 picks a free one, printed on the first line")
    add(
        "--models-mode",
        choices=[mode.value for mode in ModelsMode],
        default=ModelsMode.NONE.value,
        help="none: model nodes fail as without weights; listed: test cards for files below "
        "models/; test-card: test cards for any model name",
    )
    add(
        "--model",
        action="append",
        default=[],
        type=_model,
        metavar="FOLDER/NAME",
        help="place an empty file of that name below models/; may be repeated",
    )
    add("--disable-metadata", action="store_true", help="keep the graph out of PNG and MP4 files")
    caches = parser.add_mutually_exclusive_group()
    caches.add_argument("--cache-classic", action="store_true", help="the default")
    caches.add_argument("--cache-lru", type=int, default=0, metavar="N")
    caches.add_argument("--cache-none", action="store_true")
    add("--max-upload-size", type=float, default=100, metavar="MB")
    add(
        "--canonical-ids",
        action="store_true",
        help="refuse prompt ids that are no canonical lower-case UUID, as ComfyUI 0.38 does",
    )
    add(
        "--node-delay",
        action="append",
        default=[],
        type=_delay,
        metavar="CLASS=SECONDS",
        help="wait before a node of that class runs, * for every class; may be repeated",
    )
    add("--step-delay", type=float, default=0.0, metavar="SECONDS", help="for each sampler step")
    for flag in _IGNORED_SWITCHES:
        add(flag, action="store_true", help=argparse.SUPPRESS)
    for flag in _IGNORED_VALUES:
        add(flag, help=argparse.SUPPRESS)
    return parser


def _model(text: str) -> ModelFile:
    folder, _, name = text.partition("/")
    if not name or not known_folder(folder):
        raise argparse.ArgumentTypeError(f"not a model folder and a file name: {text}")
    return ModelFile(folder, name)


def _delay(text: str) -> tuple[str, float]:
    name, _, seconds = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"not CLASS=SECONDS: {text}")
    return name, float(seconds)
