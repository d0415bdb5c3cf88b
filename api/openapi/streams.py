"""The schema of an event stream: that of the data of its events, as generated clients read it."""

from typing import Any

_MEDIA_TYPE = "text/event-stream"


def describe_streams(document: dict[str, Any]) -> None:
    """Take back that the data is text, which FastAPI says of all that is not sent as JSON."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                if _MEDIA_TYPE in response.get("content", {}):
                    del response["content"][_MEDIA_TYPE]["schema"]["type"]
