"""How checks are run, and that nothing secret is shown."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.doctor import machine, services
from deploy.doctor.configuration import secret_key, settings_as_set
from deploy.doctor.finding import Check, Finding, Verdict, examine, good, missing
from deploy.doctor.secrets import without_secrets
from rekindle.errors import SettingsInvalid
from rekindle.settings import Settings


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


async def test_checks_run_side_by_side_and_are_told_in_order() -> None:
    both = asyncio.Barrier(2)

    async def meet() -> Sequence[Finding]:
        await both.wait()
        return [good("met", "")]

    async def alone() -> Sequence[Finding]:
        return [good("first", "")]

    checks = [Check("a", alone, ""), Check("b", meet, ""), Check("c", meet, "")]
    found = await examine(checks, timeout=30)
    assert [finding.subject for finding in found] == ["first", "met", "met"]


async def test_who_does_not_answer_in_time_is_missing_and_holds_up_nobody() -> None:
    async def hang() -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    (found,) = await examine([Check("S3", hang, "mend it")], timeout=0.01)
    assert (found.subject, found.verdict, found.mend) == ("S3", Verdict.MISSING, "mend it")
    assert "0.01 s" in found.found


async def test_a_check_that_breaks_is_a_finding_without_the_words_of_the_failure() -> None:
    async def broken() -> Sequence[Finding]:
        raise ZeroDivisionError("hunter2")

    (found,) = await examine([Check("S3", broken, "mend it")], timeout=1)
    assert found.verdict is Verdict.MISSING
    assert "hunter2" not in str(found)


def test_secrets_in_a_text_are_blotted_out() -> None:
    given = settings(
        database_url=SecretStr("postgresql://app:p%40ssword@db/x"),
        aws_secret_access_key=SecretStr("very/secret/key"),
        comfyui_url="http://me:gpu-password@gpu:8188",  # pragma: allowlist secret
    )
    told = missing(
        "x",
        "very/secret/key p@ssword p%40ssword",
        "try http://me:gpu-password@gpu:8188",  # pragma: allowlist secret
    )
    (shown,) = without_secrets([told], given)
    for secret in ("very/secret/key", "p@ssword", "p%40ssword", "gpu-password"):
        assert secret not in f"{shown.found} {shown.mend}"
    assert "gpu:8188" in shown.mend


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hun@ter2@127.0.0.1:1/db",  # pragma: allowlist secret
        "postgresql://app:hun/ter2@127.0.0.1:1/db",
        "postgresql://app:hun#ter2@127.0.0.1:1/db",
        "postgresql://app:hunter2@127.0.0.1:ter2/db",  # pragma: allowlist secret
        "postgresql://app:hunter2@127.0.0.1:1/db",  # pragma: allowlist secret
        "hunter2",
        "oracle://app:hunter2@127.0.0.1/db",  # pragma: allowlist secret
    ],
)
async def test_an_address_of_a_database_that_does_not_work_is_never_quoted(url: str) -> None:
    (found,) = await services.database(settings(database_url=SecretStr(url)))
    assert found.verdict is Verdict.MISSING
    assert "ter2" not in str(found)
    assert "DATABASE_URL" in found.mend


@pytest.mark.parametrize(
    ("secret", "verdict"),
    [
        ("", Verdict.MISSING),
        ("s" * 31, Verdict.MISSING),
        ("s" * 64, Verdict.WARNING),
        ("changemechangemechangemechangeme", Verdict.WARNING),
        ("kz1Jx7Qy-3rTn0vWm_8bLc5dFh2gPaSe", Verdict.GOOD),  # pragma: allowlist secret
    ],
)
async def test_a_secret_key_is_judged_by_length_and_variety(secret: str, verdict: Verdict) -> None:
    (found,) = await secret_key(settings(secret_key=SecretStr(secret)))
    assert found.verdict is verdict
    assert not secret or secret not in str(found)


def test_the_doctor_and_the_api_demand_the_same_length_of_a_secret() -> None:
    from api.app import check_settings
    from deploy.doctor.configuration import LEAST_SECRET

    def refused(length: int) -> bool:
        given = settings(secret_key=SecretStr("s" * length), auth0_domain="https://i.example/")
        try:
            check_settings(given)
        except SettingsInvalid:
            return True
        return False

    assert (refused(LEAST_SECRET - 1), refused(LEAST_SECRET)) == (True, False)


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `.env` in the present folder, in an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path / ".env"


async def told(env_file: Path, text: str) -> list[str]:
    """What is warned about, one line each."""
    env_file.write_text(text)
    found = await settings_as_set(env_file)
    return [f"{f.found} {f.mend}" for f in found if f.verdict is Verdict.WARNING]


async def test_a_misspelled_name_in_the_env_file_is_pointed_out(env_file: Path) -> None:
    # pragma: allowlist nextline secret
    (line,) = await told(env_file, "S3_BUKCET=hunter2\nPATH_OF_SOMEBODY_ELSE=1\n")
    assert "Did you mean S3_BUCKET?" in line
    assert "hunter2" not in line


async def test_a_replaced_setting_is_told_with_what_replaced_it(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_PATH", "/srv")
    lines = await told(env_file, "REDIS_URL=redis://x\n")
    assert any("REDIS_URL" in line and "Temporal task queues" in line for line in lines)
    assert any("STORAGE_PATH" in line and "S3_BUCKET" in line for line in lines)
    assert len(lines) == 2


async def test_what_temporals_client_reads_is_no_stranger(env_file: Path) -> None:
    assert await told(env_file, "TEMPORAL_API_KEY=hunter2\nTEMPORAL_NAMESPACE=mine\n") == []


async def test_settings_are_listed_by_name_alone(env_file: Path) -> None:
    # pragma: allowlist nextline secret
    env_file.write_text("STRIPE_SECRET_KEY=hunter2\nlog_level=DEBUG\nS3_BUCKET=\n")
    (found,) = await settings_as_set(env_file)
    assert found == good("settings", "set: LOG_LEVEL, STRIPE_SECRET_KEY")


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        ("pydantic>=2", None),
        ("psycopg[binary,pool]>=3.0", None),
        ("pydantic>=99.1", "needed is >=99.1"),
        ("pydantic==1.0.0", "needed is ==1.0.0"),
        ("no-such-package-of-anybody>=1", "not installed"),
        ("pydantic>=2 ; extra == 'embedded'", None),
    ],
)
def test_installed_versions_are_held_against_what_is_demanded(
    requirement: str, says: str | None
) -> None:
    lacks = machine.lacking(requirement)
    assert lacks is None if says is None else says in (lacks or "")


async def test_python_packages_and_disk_of_this_machine_are_good(tmp_path: Path) -> None:
    assert {f.verdict for f in await machine.python()} == {Verdict.GOOD}
    assert {f.verdict for f in await machine.packages()} == {Verdict.GOOD}
    assert "GiB" in (await machine.disk([tmp_path]))[0].found


@pytest.mark.usefixtures("env_file")
def test_wrong_settings_are_findings_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND_PORT", "hunter2")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["healthy"] is False
    wrong = [f for f in report["findings"] if f["verdict"] == "missing"]
    assert any("BACKEND_PORT" in finding["found"] for finding in wrong)
    assert any(f["subject"] == "Python" for f in report["findings"])
    assert "hunter2" not in result.output


def test_a_folder_in_which_nothing_runs_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path), "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["code"] == "not_connected"
