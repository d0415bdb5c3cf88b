"""What can be bought of an album: by photo, and the price of all together."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from rekindle.contracts.orders import Product
from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import AlreadyBought, NothingSelected, RekindleError
from rekindle.models import Album, Attempt, Job
from rekindle.rules.prices import Price, album_price, price_of
from rekindle.store import albums, order_items
from rekindle.store.order_items import Sale


@dataclass(frozen=True)
class PhotoToSell:
    """A photo in an album.

    Attributes:
        restoration: the selected one, else the latest, if there is any.
        sale: the order of its HD that is not over, if there is one.
        refusal: why it cannot be bought now; None when it can.
    """

    job: Job
    restoration: Attempt | None
    sale: Sale | None
    refusal: RekindleError | None


@dataclass(frozen=True)
class AlbumOffer:
    """The photos of an album, in its order.

    Attributes:
        currency: in which it is offered.
    """

    photos: Sequence[PhotoToSell]
    currency: str

    @property
    def sellable(self) -> list[tuple[Job, Attempt]]:
        """What can be bought: the photo, and the restoration whose HD it is."""
        return [
            (each.job, each.restoration)
            for each in self.photos
            if each.refusal is None and each.restoration is not None
        ]

    @property
    def price(self) -> Price | None:
        """Of all that can be bought; None when nothing can. Raises `UnknownCurrency`."""
        return album_price(len(self.sellable), self.currency) if self.sellable else None

    @property
    def single_amount(self) -> int:
        """What the same photos cost one by one, in the currency's smallest unit."""
        return len(self.sellable) * price_of(Product.HD_IMAGE, self.currency).amount

    def unpaid_sales(self) -> list[Sale]:
        """Orders, not paid yet, that sell what can be bought."""
        return [each.sale for each in self.photos if each.sale and each.sale.status.is_unpaid]


async def offer(session: AsyncSession, album: Album, currency: str) -> AlbumOffer:
    """What can be bought of an album at present. Two statements."""
    photos = await albums.photos(session, album.id)
    shown = [each.restoration.id for each in photos if each.restoration]
    sales = await order_items.sales(session, shown, Product.HD_IMAGE)
    return AlbumOffer(
        [
            _judged(each.job, each.restoration, sales.get(each.restoration.id))
            if each.restoration
            else _judged(each.job, None, None)
            for each in photos
        ],
        currency,
    )


def _judged(job: Job, restoration: Attempt | None, sale: Sale | None) -> PhotoToSell:
    refusal: RekindleError | None = None
    is_made = restoration is not None and restoration.status == AttemptStatus.SUCCEEDED
    if not is_made or restoration is None or restoration.id != job.selected_restore_id:
        refusal = NothingSelected()
    elif sale is not None and not sale.status.is_unpaid:
        refusal = AlreadyBought()
    return PhotoToSell(job, restoration, sale, refusal)
