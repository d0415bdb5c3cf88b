"""Start of a template: `python -I <this folder> photo`, its orders on standard input."""

import os
import sys

if not __package__:
    # Started as a folder, as PEP 366 describes: name the package, so that siblings can be imported
    # without importing `rekindle`.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    __package__ = "child"

from .main import carry_out, load
from .order import Decoder
from .template import serve

load(Decoder(sys.argv[1]))
serve(carry_out)
