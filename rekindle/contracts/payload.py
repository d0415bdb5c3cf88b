"""The base of everything that crosses Temporal."""

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """A small immutable message. Photos travel as S3 keys, never inside a payload."""

    model_config = ConfigDict(frozen=True, extra="forbid")
