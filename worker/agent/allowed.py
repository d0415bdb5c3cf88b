"""What of ComfyUI's wire may be asked for, kept as data. Everything else does not exist."""

from dataclasses import dataclass
from enum import Enum, auto

_SMALL = 64 << 10
_GRAPH = 8 << 20
_UPLOAD = 120 << 20


class Treatment(Enum):
    """What the agent does with a request."""

    RELAY = auto()
    """Passed on as it is."""
    PROMPT = auto()
    """Passed on once for each prompt id."""
    HISTORY = auto()
    """Passed on; the files it names may be fetched from then on."""
    VIEW = auto()
    """Passed on for files that a history named."""


@dataclass(frozen=True)
class Allowed:
    """One request that may be made.

    Attributes:
        path: with `{name}` for one segment.
        max_bytes: of the body; 0 passes none on.
    """

    method: str
    path: str
    max_bytes: int = 0
    treatment: Treatment = Treatment.RELAY


ALLOWED = (
    Allowed("POST", "/prompt", _GRAPH, Treatment.PROMPT),
    Allowed("GET", "/queue"),
    Allowed("POST", "/queue", _SMALL),
    Allowed("POST", "/interrupt", _SMALL),
    Allowed("GET", "/history/{prompt_id}", treatment=Treatment.HISTORY),
    Allowed("POST", "/history", _SMALL),
    Allowed("GET", "/view", treatment=Treatment.VIEW),
    Allowed("POST", "/upload/image", _UPLOAD),
    Allowed("GET", "/object_info"),
    Allowed("GET", "/object_info/{node_class}"),
    Allowed("GET", "/system_stats"),
    Allowed("GET", "/models"),
    Allowed("GET", "/models/{folder}"),
    Allowed("POST", "/free", _SMALL),
)
"""The HTTP half; the other half is the websocket."""

SOCKET = "/ws"
