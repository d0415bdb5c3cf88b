from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from rekindle.models import Order
from rekindle.rules.prices import price_of


@pytest.fixture
def new_order() -> Order:
    """An order that is not stored, of an attempt of its own."""
    price = price_of("hd_image", "eur")
    return Order(
        id=uuid4(),
        attempt_id=uuid4(),
        product="hd_image",
        amount=price.amount,
        currency=price.currency,
        price_version=price.version,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
