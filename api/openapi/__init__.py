"""The API's description: FastAPI's, with what FastAPI cannot know.

`python -m api.openapi` writes it to `openapi.json`, from which clients are generated.
"""

from api.openapi.application import Application, operation_id

__all__ = ["Application", "operation_id"]
