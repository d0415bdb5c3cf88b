import pytest

from rekindle.store.database import driver_url, libpq_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_one_setting_serves_the_pool_and_the_listening_connection(scheme: str) -> None:
    # pragma: allowlist nextline secret
    url = f"{scheme}://app:p%40w@db.example:6432/rekindle?sslmode=require"
    rest = "app:p%40w@db.example:6432/rekindle?sslmode=require"
    assert driver_url(url) == f"postgresql+psycopg://{rest}"
    assert libpq_url(url) == f"postgresql://{rest}"
