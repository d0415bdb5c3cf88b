"""The HD file of an attempt, as its buyer opens it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from rekindle.contracts.orders import Product
from rekindle.models import Order
from rekindle.ports.objects import ObjectStore


class HdDocument(BaseModel):
    """Where an HD file is opened, for a few minutes."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HD]})

    url: str = Field(description="Downloads the file. Whoever has it can: do not pass it on.")
    expires_at: datetime = Field(description="Until then it works; ask again for another.")
    filename: str = Field(description="The name that a browser saves it under.")
    order_id: UUID = Field(description="The order that it was bought with.")


@dataclass(frozen=True)
class Delivery:
    """From where HD files are delivered.

    Attributes:
        seconds: longest life of an address.
    """

    objects: ObjectStore
    seconds: int

    def url(self, object_key: str, attempt_id: UUID) -> str:
        """A fresh address of an HD file.

        Args:
            object_key: of the file; whoever asks has the right to read it.
            attempt_id: that it is the HD of.
        """
        name = file_name(object_key, attempt_id)
        return self.objects.url(object_key, filename=name, seconds=self.seconds)

    def document(self, order: Order, attempt_id: UUID, object_key: str) -> HdDocument:
        """The document of an order's HD file.

        Args:
            order: that entitles to it.
            attempt_id: that it is the HD of.
            object_key: of the file.
        """
        # The least that the store promises of any address.
        lasts = timedelta(seconds=self.seconds * 0.75 - 1)
        return HdDocument(
            url=self.url(object_key, attempt_id),
            expires_at=(datetime.now(UTC) + max(lasts, timedelta())).replace(microsecond=0),
            filename=file_name(object_key, attempt_id),
            order_id=order.id,
        )


def file_name(object_key: str, attempt_id: UUID) -> str:
    """The name that an HD file is saved under; several of one person differ."""
    return f"rekindle-{attempt_id.hex[:8]}-hd{PurePosixPath(object_key).suffix}"


def attempt_paths(job_id: UUID, attempt_id: UUID, product: Product) -> tuple[str, str]:
    """The paths of the attempt that a product is made of, and of its HD."""
    if product is Product.HD_ANIMATION:
        return paths.animation(job_id, attempt_id), paths.animation_hd(job_id, attempt_id)
    return paths.restore_attempt(job_id, attempt_id), paths.restore_hd(job_id, attempt_id)
