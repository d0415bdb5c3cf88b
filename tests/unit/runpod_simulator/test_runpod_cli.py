"""The command line of the simulator."""

import json
from pathlib import Path

import pytest

from simulators.runpod.cli import parse
from simulators.runpod.options import BootTimes, PodKeyRights


def arguments(folder: Path, *more: str) -> list[str]:
    return ["--data", str(folder), "--api-key-file", str(folder / "key"), *more]


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first = parse(arguments(tmp_path)).options
    again = parse(arguments(tmp_path)).options
    assert first.api_key == again.api_key
    assert first.api_key.startswith("rpa_")
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert first.read_only_key is None


def test_the_keys_of_the_volumes_s3_are_made_once_and_kept(tmp_path: Path) -> None:
    more = ("--s3-key-file", str(tmp_path / "s3"))
    ((access, secret),) = parse(arguments(tmp_path, *more)).options.s3_keys.items()
    assert (access[:5], secret[:4]) == ("user_", "rps_")
    assert parse(arguments(tmp_path, *more)).options.s3_keys == {access: secret}
    assert parse(arguments(tmp_path)).options.s3_keys == {}
    (tmp_path / "s3").write_text("only-one-half\n")
    with pytest.raises(ValueError, match="ACCESS=SECRET"):
        parse(arguments(tmp_path, *more))


def test_a_key_that_is_there_is_used(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("rpa_MINE\n")
    assert parse(arguments(tmp_path)).options.api_key == "rpa_MINE"  # pragma: allowlist secret


def test_defaults_are_quick_boots_and_the_vendors_limits(tmp_path: Path) -> None:
    given = parse(arguments(tmp_path))
    options = given.options
    assert (given.listen, given.port) == ("127.0.0.1", 8090)
    assert options.boot == BootTimes(0.2, 0.2, 0.2)
    assert options.proxy_seconds == 100
    assert options.pod_key_may is PodKeyRights.TERMINATE
    assert (options.light, options.is_frozen, options.light_seconds) == (False, False, 1.0)
    assert options.light_token_env == "REKINDLE_POD_TOKEN"


def test_all_flags(tmp_path: Path) -> None:
    info, picture = tmp_path / "info.json", tmp_path / "picture"
    info.write_text(json.dumps({"SaveImage": {}}))
    picture.write_bytes(b"picture")
    options = parse(
        arguments(
            tmp_path,
            *("--read-only-key-file", str(tmp_path / "reader"), "--port", "0"),
            *("--image", "gpu:1=python -m agent --port {RUNPOD_SIMULATED_PORT_8001}"),
            *("--image", "*=true", "--volume", "models=EU-RO-1"),
            *("--boot", "provisioning=1,runtime=2.5", "--pod-key-may", "stop"),
            *("--rate", "minute=60", "--proxy-seconds", "5", "--grace", "0.5"),
            *("--pass-env", "A", "--pass-env", "B", "--frozen-clock", "--light"),
            *("--light-seconds", "3", "--light-object-info", str(info)),
            *("--light-result", str(picture), "--light-token-env", "TOKEN"),
        )
    ).options
    command = "python -m agent --port {RUNPOD_SIMULATED_PORT_8001}"
    assert options.images == {"gpu:1": command, "*": "true"}
    assert options.volumes == {"models": "EU-RO-1"}
    assert options.boot == BootTimes(1, 0.2, 2.5)
    assert options.pod_key_may is PodKeyRights.STOP
    assert (options.rates["minute"], options.rates["hour"]) == (60, 300_000)
    assert (options.proxy_seconds, options.grace, options.pass_env) == (5, 0.5, ("A", "B"))
    assert (options.is_frozen, options.light, options.light_seconds) == (True, True, 3)
    assert options.light_object_info == {"SaveImage": {}}
    assert (options.light_result, options.light_token_env) == (b"picture", "TOKEN")
    assert options.read_only_key != options.api_key


@pytest.mark.parametrize(
    "bad",
    [
        ["--listen", "0.0.0.0"],  # noqa: S104  it is refused
        ["--image", "name"],
        ["--volume", "=EU-RO-1"],
        ["--boot", "warmup=1"],
        ["--boot", "starting=soon"],
        ["--boot", "starting=-1"],
        ["--rate", "second=1"],
        ["--pod-key-may", "everything"],
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


def test_an_empty_key_file_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ValueError, match="no key"):
        parse(arguments(tmp_path))
