import json
import logging
from uuid import UUID

import pytest
import structlog

from rekindle.telemetry import configure_logging, scrub


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: Bearer abc.def-ghi",
        "eyJhbGciOi.eyJzdWIiOiJ4.c2ln",
        "someone@example.org",
        "https://b/k?X-Amz-Signature=0123abcd&x=1",
        "https://d.example/k?Expires=9&Signature=cf~Sig-ned__&Key-Pair-Id=K2",
        "sk_test_51abc",
        "rpa_51abcDEF",
        "r8_51abcDEF",
        "postgresql://app:pa55word@127.0.0.1/db",  # pragma: allowlist secret
    ],
)
def test_secrets_and_people_are_scrubbed(secret: str) -> None:
    kept = scrub(f"before {secret} after")
    for canary in ("abc.def", "eyJ", "someone", "0123abcd", "Sig-ned", "51abc", "pa55word"):
        assert canary not in kept
    assert kept.startswith("before")
    assert kept.endswith("after")


def test_a_log_line_is_one_json_object_without_the_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("INFO", "json")
    try:
        structlog.get_logger("a").info("took", email="someone@example.org", job="j1")
        logging.getLogger("b").warning("failed for %s", "someone@example.org")
        try:
            raise ValueError("someone@example.org")
        except ValueError:
            logging.getLogger("c").exception("broke")
    finally:
        logging.getLogger().handlers.clear()
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["took", "failed for ***", "broke"]
    assert "someone" not in json.dumps(lines)
    assert lines[0]["job"] == "j1"


class Carrier:
    def __str__(self) -> str:
        return "sent to someone@example.org"

    __repr__ = __str__


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_are_scrubbed_wherever_they_stand_in_a_line(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logging("INFO", log_format)
    address, key = "someone@example.org", "sk_test_" + "someone"
    log, library = structlog.get_logger("a"), logging.getLogger("b")
    try:
        log.info("a value", to=Carrier(), why=ValueError("someone@example.org"))
        log.info("inside", wish={"to": ["someone@example.org"], "someone@example.org": 1})
        log.bind(to="someone@example.org").warning("bound", at=b"someone@example.org")
        library.warning("an argument: %s", Carrier())
        library.warning("beside it", extra={"to": ("someone@example.org", Carrier())})
        try:
            try:
                raise ValueError(address)  # a traceback shows this line as it is written
            except ValueError as error:
                raise RuntimeError(key) from error
        except RuntimeError:
            log.exception("with its cause")
            library.exception("with its cause as well", stack_info=True)
        with structlog.contextvars.bound_contextvars(to="someone@example.org"):
            log.info("around")
    finally:
        logging.getLogger().handlers.clear()
        structlog.reset_defaults()
    written = capsys.readouterr().err
    for kept in (
        "inside",
        "bound",
        "beside it",
        "RuntimeError",
        "with its cause as well",
        "around",
    ):
        assert kept in written
    assert written.count("***") >= 9
    assert "someone" not in written


def test_plain_values_and_names_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    job = UUID("0199f0c4-0000-7000-8000-000000000001")
    try:
        structlog.get_logger("a").info("took", job=job, n=3, share=0.5, fine=True, none=None)
    finally:
        logging.getLogger().handlers.clear()
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().err)
    told = {name: line[name] for name in ("job", "n", "share", "fine", "none")}
    assert told == {"job": str(job), "n": 3, "share": 0.5, "fine": True, "none": None}
