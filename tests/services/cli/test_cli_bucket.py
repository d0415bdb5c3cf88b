"""`rekindle bucket`: browsers are let in, and the doctor sees whether they are."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.doctor import services
from deploy.doctor.finding import Verdict
from deploy.embedded.s3 import EmbeddedS3
from rekindle.adapters.s3 import S3Store
from rekindle.settings import Settings

PAGE = "https://app.example"


@pytest.fixture(autouse=True)
def bare(objects: S3Store) -> Iterator[None]:
    """The bucket without rules, before and afterwards."""
    client, bucket = objects._client, objects._bucket
    client.delete_bucket_cors(Bucket=bucket)
    client.delete_bucket_lifecycle(Bucket=bucket)
    yield
    client.delete_bucket_cors(Bucket=bucket)
    client.delete_bucket_lifecycle(Bucket=bucket)


@pytest.fixture
def settings(s3_server: EmbeddedS3) -> Settings:
    address = s3_server.address
    key = next(iter(address.keys.values()))
    return Settings(
        _env_file=None,
        database_url=SecretStr("postgresql://u:p@127.0.0.1:1/none"),
        aws_access_key_id=key.access_key,
        aws_secret_access_key=SecretStr(key.secret_key),
        aws_region=address.region,
        s3_bucket=address.bucket,
        s3_endpoint_url=address.endpoint_url,
        cors_origins=(PAGE,),
    )


Bucket = Callable[..., Result]


@pytest.fixture
def bucket(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Runs `rekindle bucket` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    assert settings.aws_secret_access_key is not None
    variables = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "AWS_ACCESS_KEY_ID": settings.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": settings.aws_secret_access_key.get_secret_value(),
        "AWS_REGION": settings.aws_region,
        "S3_BUCKET": settings.s3_bucket,
        "S3_ENDPOINT_URL": settings.s3_endpoint_url,
        "CORS_ORIGINS": PAGE,
    }

    def run(*arguments: str, **changed: str) -> Result:
        return CliRunner(env={**variables, **changed}).invoke(app, ["bucket", *arguments])

    return run


def shown(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_pages_of_the_settings_are_let_in_and_left_overs_expire(bucket: Bucket) -> None:
    before = shown(bucket("show", "--json"))
    assert (before["origins"], before["incoming_days"]) == ([], None)
    after = shown(bucket("setup", "--json"))
    assert after["origins"] == [PAGE, "http://127.0.0.1:8000"]
    assert after["incoming_days"] == 2
    assert shown(bucket("show", "--json")) == after
    text = bucket("show").stdout
    assert PAGE in text
    assert "after 2 days" in text


def test_named_origins_count_instead_of_the_settings(bucket: Bucket) -> None:
    told = bucket("setup", "--origin", "https://a.example", "--origin", "https://b.example")
    assert told.exit_code == 0, told.output
    assert shown(bucket("show", "--json"))["origins"] == ["https://a.example", "https://b.example"]


def test_days_follow_the_setting(bucket: Bucket) -> None:
    told = shown(bucket("setup", "--json", ABANDONED_UPLOAD_HOURS="49"))
    assert told["incoming_days"] == 4


def test_a_bucket_that_does_not_answer_is_said_so_without_a_secret(
    bucket: Bucket, unused_tcp_port: int, settings: Settings
) -> None:
    gone = f"http://127.0.0.1:{unused_tcp_port}"
    for command in ("show", "setup"):
        result = bucket(command, "--json", S3_ENDPOINT_URL=gone)
        assert result.exit_code == 3
        assert json.loads(result.stdout)["code"] == "unreachable"
        assert settings.aws_secret_access_key is not None
        assert settings.aws_secret_access_key.get_secret_value() not in result.output


def test_the_doctor_finds_pages_that_are_kept_out(settings: Settings, bucket: Bucket) -> None:
    [closed] = asyncio.run(services.pages(settings))
    assert (closed.verdict, closed.mend) == (Verdict.WARNING, "rekindle bucket setup")
    assert PAGE in closed.found
    assert bucket("setup").exit_code == 0
    [opened] = asyncio.run(services.pages(settings))
    assert opened.verdict is Verdict.GOOD
    more = settings.model_copy(update={"cors_origins": (PAGE, "https://new.example")})
    [partly] = asyncio.run(services.pages(more))
    assert "https://new.example" in partly.found
    assert PAGE not in partly.found
