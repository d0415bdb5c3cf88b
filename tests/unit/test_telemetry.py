import json
import logging

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
