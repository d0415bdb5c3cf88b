from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from api.cursors import LONGEST_CURSOR, from_word, to_word
from rekindle.errors import InvalidRequest
from rekindle.store.pages import Cursor

zones = st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(minutes=345))])


@given(st.datetimes(timezones=zones), st.uuids())
def test_a_place_survives_being_a_word(when: datetime, job_id: UUID) -> None:
    word = to_word(Cursor(when, job_id))
    assert from_word(word) == Cursor(when, job_id)
    assert len(word) <= LONGEST_CURSOR
    assert word.isascii()
    assert not set(word) & set("+/=&?# ")


@given(st.text(max_size=60))
def test_any_other_text_is_an_invalid_request_and_nothing_worse(text: str) -> None:
    try:
        place = from_word(text)
    except InvalidRequest as error:
        assert "cursor" in error.public_detail  # noqa: PT017
    else:
        assert place.created_at.tzinfo is not None
