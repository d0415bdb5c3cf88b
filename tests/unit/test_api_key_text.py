"""The text of API keys: read back, told apart, kept out of logs, found by scanners."""

import hashlib
import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.rules.api_keys import beginning, key_text, looks_like_key, read_key, sha256_of
from rekindle.telemetry import scrub

ids = st.uuids()
secrets = st.binary(min_size=32, max_size=32)


@given(key_id=ids, secret=secrets)
def test_a_key_is_read_as_it_was_made(key_id: UUID, secret: bytes) -> None:
    text = key_text(key_id, secret)
    sent = read_key(text)
    assert sent is not None
    assert looks_like_key(text)
    assert (sent.id, text.startswith(f"{beginning(key_id)}_")) == (key_id, True)
    assert sent.is_kept_as(hashlib.sha256(text.encode()).digest())
    assert text not in repr(sent)


@given(key_id=ids, secret=secrets, other=secrets)
def test_another_secret_is_another_key(key_id: UUID, secret: bytes, other: bytes) -> None:
    sent = read_key(key_text(key_id, other))
    assert sent is not None
    assert sent.is_kept_as(sha256_of(key_text(key_id, secret))) is (secret == other)


@given(key_id=ids, secret=secrets)
def test_a_key_in_a_log_line_is_scrubbed_whole(key_id: UUID, secret: bytes) -> None:
    text = key_text(key_id, secret)
    for line in (text, f"key={text}", f"Authorization: Bearer {text}", f'"{text}",'):
        kept = scrub(f"before {line} after")
        assert text[3:] not in kept
        assert secret.hex() not in kept
        assert kept.startswith("before ")
        assert kept.endswith(" after")


def test_a_short_secret_makes_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        key_text(UUID(int=0), b"short")


@given(st.text())
def test_other_texts_are_no_keys(text: str) -> None:
    found = read_key(text)
    assert found is None or re.fullmatch(r"rk_[0-9a-f]{32}_[0-9a-f]{64}", text)


def test_nothing_may_stand_before_or_behind_a_key() -> None:
    text = key_text(UUID(int=7), bytes(32))
    for wrong in (f" {text}", f"{text}\n", f"{text}0", text.upper(), text.replace("_", "-")):
        assert read_key(wrong) is None
