"""What a stack keeps in its folder: ports, secrets, and the note by which it is found."""

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from deploy.cli.connection import connect
from deploy.cli.failures import NotConnected
from deploy.embedded.ports import free_port
from deploy.stack.environment import as_environment, python_environment
from deploy.stack.note import RunningStack, find_running, note_running
from deploy.stack.ports import NAMES, choose_ports
from deploy.stack.private_file import read_or_make_secret
from rekindle.settings import Settings


def running(pid: int) -> RunningStack:
    return RunningStack(
        pid=pid,
        api="http://127.0.0.1:8000",
        issuer="http://127.0.0.1:9400/",
        audience="https://api.test",
        client_id="rekindle-cli",
        secret_file="/nowhere",
        operator_client_id="rekindle-operator-cli",
        operator_secret_file="/nowhere",
    )


def test_ports_are_the_same_the_next_time(tmp_path: Path) -> None:
    first = choose_ports(tmp_path, {}, {})
    assert choose_ports(tmp_path, {}, {}) == first
    assert set(first) == set(NAMES)
    assert len(set(first.values())) == len(NAMES)


def test_a_noted_port_that_is_taken_is_replaced_and_noted(tmp_path: Path) -> None:
    first = choose_ports(tmp_path, {}, {})
    with socket.create_server(("127.0.0.1", first["api"])):
        second = choose_ports(tmp_path, {}, {})
    assert second["api"] != first["api"]
    assert {**second, "api": 0} == {**first, "api": 0}
    assert choose_ports(tmp_path, {}, {}) == second


def test_a_preferred_port_is_taken_if_it_is_free(tmp_path: Path) -> None:
    free = free_port()
    assert choose_ports(tmp_path, {"api": free}, {})["api"] == free


def test_a_preferred_port_in_use_is_let_go(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert choose_ports(tmp_path, {"api": taken}, {})["api"] != taken


def test_a_demanded_port_wins_over_the_noted_one(tmp_path: Path) -> None:
    choose_ports(tmp_path, {}, {})
    wanted = free_port()
    assert choose_ports(tmp_path, {}, {"api": wanted})["api"] == wanted


@pytest.mark.parametrize("text", ["", "{", "[]", '{"api": "no number"}'])
def test_a_damaged_note_of_ports_is_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    assert set(choose_ports(tmp_path, {}, {})) == set(NAMES)


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    secret = read_or_make_secret(tmp_path / "secret_key")
    assert len(secret) >= 32
    assert read_or_make_secret(tmp_path / "secret_key") == secret
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_running_stack_is_found_while_it_runs(tmp_path: Path) -> None:
    with note_running(tmp_path, running(os.getpid())):
        assert find_running(tmp_path) == running(os.getpid())
    assert find_running(tmp_path) is None


def test_the_note_of_a_dead_process_counts_for_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    with note_running(tmp_path, running(child.pid)):
        assert find_running(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": 1}'])
def test_a_damaged_note_counts_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "running.json").write_text(text)
    assert find_running(tmp_path) is None


def test_what_was_given_is_used_without_looking_for_a_stack(tmp_path: Path) -> None:
    connection = connect("http://api.test/", "t", tmp_path)
    assert (connection.api, connection.token) == ("http://api.test", "t")


def test_a_token_of_the_local_issuer_goes_to_no_other_api(tmp_path: Path) -> None:
    with note_running(tmp_path, running(os.getpid())), pytest.raises(NotConnected):
        connect("http://elsewhere.test", None, tmp_path)


def test_connections_do_not_show_their_token() -> None:
    assert "secret" not in repr(connect("http://api.test", "secret", Path()))


@given(
    origins=st.lists(st.sampled_from(["http://a.test", "https://b.test"]), unique=True),
    debug=st.booleans(),
    retries=st.integers(0, 9),
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
)
def test_settings_come_out_of_the_environment_as_they_went_in(
    origins: list[str], debug: bool, retries: int, secret: str
) -> None:
    settings = Settings.model_construct(
        cors_origins=tuple(origins),
        debug=debug,
        max_retries=retries,
        secret_key=SecretStr(secret),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            patch.delenv(name)
        for name, value in as_environment(settings).items():
            patch.setenv(name, value)
        assert Settings(_env_file=None) == settings


def test_no_setting_of_the_person_leaks_into_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "theirs")
    monkeypatch.setenv("TEMPORAL_API_KEY", "theirs")
    monkeypatch.setenv("SSL_CERT_FILE", "/certificates")
    environment = python_environment(tmp_path)
    assert "theirs" not in environment.values()
    assert environment["SSL_CERT_FILE"] == "/certificates"
    assert environment["HOME"] == str(tmp_path)
