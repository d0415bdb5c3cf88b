"""A photo in a JSON field becomes a file, if it is one and not too large."""

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.images import decoded_image, largest_body
from rekindle.errors import EmptyPhoto, InvalidRequest, PhotoTooLarge
from rekindle.settings import Settings

MEGABYTE = 1 << 20
SETTINGS = Settings(_env_file=None, secret_key=SecretStr("s" * 32), max_image_size_mb=1)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("before", ["", "data:image/png;base64,", "data:;base64,"])
@pytest.mark.parametrize("size", [1, 2, 3, MEGABYTE - 1, MEGABYTE])
async def test_what_was_encoded_is_in_the_file_until_it_is_no_longer_needed(
    before: str, size: int
) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    async with decoded_image(before + encoded(content[:size]), SETTINGS) as file:
        assert file.read_bytes() == content[:size]
        assert [each.name for each in file.parent.iterdir()] == [file.name]
        folder = Path(file.parent)
    assert not folder.exists()


@pytest.mark.parametrize("size", [MEGABYTE + 1, MEGABYTE + 2, 2 * MEGABYTE])
async def test_one_byte_more_than_the_setting_allows_is_too_much(size: int) -> None:
    with pytest.raises(PhotoTooLarge, match="1 MB"):
        async with decoded_image(encoded(b"x" * size), SETTINGS):
            pass
    assert largest_body(SETTINGS) > len(encoded(b"x" * MEGABYTE))


@pytest.mark.parametrize("text", ["*", "abc", "a b c d", "ä" * 4, "http://example.com/a.png"])
async def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="base64"):
        async with decoded_image(text, SETTINGS):
            pass


@pytest.mark.parametrize("text", ["", "data:image/png;base64,", "data:image/png"])
async def test_an_empty_field_is_an_empty_photo(text: str) -> None:
    with pytest.raises(EmptyPhoto):
        async with decoded_image(text, SETTINGS):
            pass
