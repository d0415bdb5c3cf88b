"""The command line."""

from pathlib import Path

import pytest

from simulators.stripe.cli import parse


def arguments(folder: Path, *more: str) -> list[str]:
    return ["--data", str(folder / "data"), "--api-key-file", str(folder / "key"), *more]


def test_a_missing_key_is_made_for_its_owner_alone_and_kept(tmp_path: Path) -> None:
    first = parse(arguments(tmp_path))
    assert first.options.api_key.startswith("sk_test_")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert parse(arguments(tmp_path)).options.api_key == first.options.api_key
    assert first.options.webhook is None


def test_every_option_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "whsec"
    given = parse(
        arguments(
            tmp_path,
            *("--listen", "localhost", "--port", "0", "--url", "http://pay.example/"),
            *("--account", "acct_1A", "--webhook", "http://127.0.0.1:1/hook/"),
            *("--webhook-secret-file", str(secret), "--webhook-seconds", "3"),
            *("--retry-scale", "0.5", "--bank-seconds", "7", "--frozen-clock"),
        )
    )
    options = given.options
    assert (given.listen, given.port, given.url) == ("localhost", 0, "http://pay.example")
    assert options.webhook is not None
    assert options.webhook.url == "http://127.0.0.1:1/hook/"
    assert options.webhook.secret == secret.read_text().strip()
    assert options.webhook.secret.startswith("whsec_")
    assert (options.account, options.is_frozen) == ("acct_1A", True)
    paces = (options.webhook_seconds, options.retry_scale, options.bank_seconds)
    assert paces == (3, 0.5, 7)


@pytest.mark.parametrize(
    "bad",
    [
        ["--listen", "0.0.0.0"],  # noqa: S104  it is refused
        ["--webhook", "http://127.0.0.1:1/"],
        ["--webhook", "ftp://x", "--webhook-secret-file", "f"],
        ["--retry-scale", "-1"],
        ["--bank-seconds", "soon"],
        ["--no-such-flag"],
    ],
    ids=" ".join,
)
def test_mistake_ends_with_a_sentence(
    tmp_path: Path, bad: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments(tmp_path, *bad))
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "sk_test_", f"sk_{'live'}_0123456789"])
def test_a_key_for_real_money_is_no_key_here(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(ValueError, match="sk_test_"):
        parse(arguments(tmp_path))
