"""Start of the child: `python -I <this folder> <order as JSON>`, the photo on standard input."""

import os
import sys

if not __package__:
    # Started as a folder, as PEP 366 describes: name the package, so that siblings can be imported
    # without importing `rekindle`.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    __package__ = "child"

from .main import main

main(sys.argv[1])
