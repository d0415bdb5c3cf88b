"""The terms of orders, as the settings say."""

from datetime import timedelta

from activities.orders import OrderTerms
from rekindle.contracts.orders import CANCEL_PAGE, SUCCESS_PAGE, Product
from rekindle.settings import Settings

_SUCCESS = SUCCESS_PAGE + "?session_id={CHECKOUT_SESSION_ID}"
"""The provider fills in the second name."""


def order_terms(settings: Settings) -> OrderTerms:
    """On which terms HD is sold and made."""
    return OrderTerms(
        success_url=settings.checkout_success_url or settings.public_address + _SUCCESS,
        cancel_url=settings.checkout_cancel_url or settings.public_address + CANCEL_PAGE,
        offer=timedelta(seconds=settings.offer_seconds),
        graphs={
            Product.HD_IMAGE: settings.hd_image_graph,
            Product.HD_ANIMATION: settings.hd_video_graph,
        },
        deadline=timedelta(seconds=settings.hd_deadline),
        max_retries=settings.max_retries,
        retry_backoff_base=settings.retry_backoff_base,
        secret_key=settings.secret_key.get_secret_value(),
    )
