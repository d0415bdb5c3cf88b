import re
from datetime import timedelta

import pytest

import rekindle.errors as errors
from rekindle.contracts.failures import from_failure, to_failure
from rekindle.errors import CloudUnavailable, InputError, RekindleError, all_errors, error_for


def test_the_drawn_tree_is_the_real_tree() -> None:
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        row = re.match(r"[\s│├└─]*([A-Z]\w+)\s+(\w+)\s+(\d{3})(\s+yes)?$", line)
        if row:
            drawn[row[1]] = (row[2], int(row[3]), bool(row[4]))
    real = {
        e.__name__: (e.code, e.status, e.retryable)
        for e in all_errors().values()
        if e is not RekindleError
    }
    assert drawn == real


def test_codes_are_unique() -> None:
    pending, codes = [RekindleError], []
    while pending:
        error = pending.pop()
        codes.append(error.code)
        pending += error.__subclasses__()
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("code", sorted(all_errors()))
def test_every_error_has_a_sentence_for_the_person(code: str) -> None:
    sentence = all_errors()[code]().sentence
    assert sentence.endswith(".")
    assert sentence[0].isupper()


def test_only_input_errors_show_their_detail() -> None:
    secret = "/srv/photos/key"
    shown = {c for c, e in all_errors().items() if secret in e(secret).public_detail}
    assert all(issubclass(all_errors()[code], InputError) for code in shown)


@pytest.mark.parametrize("code", sorted(all_errors()))
def test_an_error_crosses_temporal_as_its_code(code: str) -> None:
    failure = to_failure(error_for(code, "detail"))
    assert type(from_failure(failure)) is all_errors()[code]
    assert failure.non_retryable is not all_errors()[code].retryable


@pytest.mark.parametrize(
    ("retry_after", "delay"),
    [(12.5, timedelta(seconds=12.5)), (0.0, None), (None, None)],
    ids=["told", "at once", "not told"],
)
def test_a_cloud_that_says_how_long_to_wait_is_not_asked_before(
    retry_after: float | None, delay: timedelta | None
) -> None:
    failure = to_failure(CloudUnavailable("HTTP 429", retry_after=retry_after))
    assert failure.next_retry_delay == delay
    assert not failure.non_retryable


def test_a_foreign_failure_is_a_platform_error() -> None:
    assert error_for("ValueError").code == "platform_error"
