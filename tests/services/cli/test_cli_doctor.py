"""`rekindle doctor` against the real servers, whole and broken."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.doctor import rendering, services, sign_in
from deploy.doctor.finding import Finding, Verdict
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.s3 import EmbeddedS3
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.stack.services import WEB_CLIENT, Issuer
from rekindle.settings import Settings
from rekindle.store.schema import migrate

BROWSERS = "http://127.0.0.1:8000"


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    audience = "https://api.example"
    with Issuer(
        tmp_path_factory.mktemp("issuer"), port=free_port(), audience=audience, browsers_at=BROWSERS
    ) as issuer:
        yield issuer


@pytest.fixture
def variables(
    postgres_server: EmbeddedPostgres,
    temporal_server: EmbeddedTemporal,
    s3_server: EmbeddedS3,
    issuer: Issuer,
    engine: Any,
) -> dict[str, str]:
    """Settings under which everything is there."""
    s3 = s3_server.address
    key = next(iter(s3.keys.values()))
    return {
        "DATABASE_URL": postgres_server.address.url,
        "TEMPORAL_ADDRESS": temporal_server.address.address,
        "TEMPORAL_NAMESPACE": temporal_server.address.namespace,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AWS_REGION": s3.region,
        "S3_BUCKET": s3.bucket,
        "S3_ENDPOINT_URL": s3.endpoint_url,
        "AUTH0_DOMAIN": issuer.issuer,
        "SECRET_KEY": "kz1Jx7Qy-3rTn0vWm_8bLc5dFh2gPaSe",  # pragma: allowlist secret
        "COMFYUI_URL": engine.url,
        "DEFAULT_GRAPH": "restore_classic",
        "DEFAULT_ANIMATION_GRAPH": "animate_classic",
        "HD_IMAGE_GRAPH": "upscale_classic",
        "HD_VIDEO_GRAPH": "upscale_video_classic",
    }


Doctor = Callable[..., Result]


@pytest.fixture
def doctor(variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Runs it in an empty folder, with some settings changed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **changed: str) -> Result:
        return CliRunner(env={**variables, **changed}).invoke(app, ["doctor", *arguments])

    return run


def report(result: Result) -> dict[str, list[dict[str, str]]]:
    """Findings by subject."""
    found: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(result.stdout)["findings"]:
        found.setdefault(finding["subject"], []).append(finding)
    return found


def test_with_everything_there_it_is_healthy_and_shows_no_secret(
    doctor: Doctor, variables: dict[str, str]
) -> None:
    result = doctor("--json")
    assert result.exit_code == 0, result.output
    found = report(result)
    assert all(each["verdict"] != "missing" for listed in found.values() for each in listed)
    assert "Postgres 18" in found["database"][0]["found"]
    assert "newest" in found["tables"][0]["found"]
    assert "server 1." in found["Temporal"][0]["found"]
    assert "deletes" in found["S3"][0]["found"]
    assert "1 keys" in found["sign-in"][0]["found"]
    assert "0.3.64" in found["ComfyUI"][0]["found"]
    named, runnable = (each["found"] for each in found["graphs"])
    assert "DEFAULT_ANIMATION_GRAPH animate_classic" in named
    for graph in ("restore_classic", "animate_classic", "upscale_classic", "upscale_video_classic"):
        assert graph in runnable.split("; not ")[0]
    password = variables["DATABASE_URL"].split(":")[2].split("@")[0]
    for secret in (variables["AWS_SECRET_ACCESS_KEY"], variables["SECRET_KEY"], password):
        assert secret not in result.output


def test_with_everything_away_each_part_says_how_to_mend_it(doctor: Doctor) -> None:
    gone = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    result = doctor(
        "--json",
        DATABASE_URL=f"postgresql://app:hunter2@{gone}/db",  # pragma: allowlist secret
        TEMPORAL_ADDRESS=gone,
        S3_ENDPOINT_URL=f"http://{gone}",
        AUTH0_DOMAIN=f"http://{gone}/",
        COMFYUI_URL=f"http://{gone}",
        SECRET_KEY="",
    )
    assert result.exit_code == 1
    assert time.monotonic() - began < 60
    found = report(result)
    for subject in ("database", "Temporal", "S3", "sign-in", "ComfyUI", "SECRET_KEY"):
        (finding,) = found[subject]
        assert finding["verdict"] == "missing", finding
        assert finding["mend"], finding
    assert "hunter2" not in result.output
    assert "Traceback" not in result.output


def test_the_report_for_people_ends_with_the_verdict(doctor: Doctor) -> None:
    healthy = doctor()
    assert healthy.exit_code == 0, healthy.output
    assert healthy.stdout.endswith("All that is needed is there.\n")
    broken = doctor(SECRET_KEY="short")
    assert broken.exit_code == 1
    assert "token_urlsafe" in broken.stdout
    assert broken.stdout.endswith("Something needed is missing.\n")


async def test_a_wrong_password_is_told_apart_from_a_database_that_is_not_there(
    postgres_server: EmbeddedPostgres,
) -> None:
    address = postgres_server.address
    where = f"{address.host}:{address.port}"
    # pragma: allowlist nextline secret
    wrong = await database_at(f"postgresql://{address.user}:hunter2@{where}/{address.database}")
    assert "password" in wrong[0].found
    absent = await database_at(
        f"postgresql://{address.user}:{address.password}@{where}/nobody_made_this"
    )
    assert "no such database" in absent[0].found
    assert {wrong[0].verdict, absent[0].verdict} == {Verdict.MISSING}


async def test_a_database_of_another_revision_is_to_be_migrated(fresh_database_url: str) -> None:
    _, empty = await database_at(fresh_database_url)
    assert (empty.verdict, empty.mend) == (Verdict.MISSING, "rekindle migrate")
    migrate(fresh_database_url)
    _, full = await database_at(fresh_database_url)
    assert full.verdict is Verdict.GOOD


async def database_at(url: str) -> list[Finding]:
    return list(await services.database(Settings(_env_file=None, database_url=SecretStr(url))))


async def test_a_namespace_that_is_not_there_is_told_how_to_make_it(
    temporal_server: EmbeddedTemporal,
) -> None:
    given = Settings(
        _env_file=None,
        temporal_address=temporal_server.address.address,
        temporal_namespace="nobody-made-this",
    )
    *_, found = await services.temporal(given)
    assert found.verdict is Verdict.MISSING
    assert "namespace create" in found.mend


@pytest.mark.parametrize(
    ("changed", "mend"),
    [
        ({"s3_bucket": "nobody-made-this"}, "bucket"),
        ({"aws_access_key_id": "nobody"}, "AWS_ACCESS_KEY_ID"),
        ({"aws_secret_access_key": SecretStr("wrong")}, "AWS_SECRET_ACCESS_KEY"),
    ],
)
async def test_a_bucket_that_does_not_open_says_which_setting_to_correct(
    s3_server: EmbeddedS3, changed: dict[str, Any], mend: str
) -> None:
    s3 = s3_server.address
    key = next(iter(s3.keys.values()))
    right: dict[str, Any] = {
        "aws_access_key_id": key.access_key,
        "aws_secret_access_key": SecretStr(key.secret_key),
        "s3_bucket": s3.bucket,
        "s3_endpoint_url": s3.endpoint_url,
    }
    (found,) = await services.bucket(Settings(_env_file=None, **{**right, **changed}))
    assert found.verdict is Verdict.MISSING
    assert mend in found.mend, found


async def test_an_issuer_by_another_name_is_not_the_one(issuer: Issuer) -> None:
    given = Settings(_env_file=None, auth0_domain=issuer.issuer.rstrip("/"))
    (found,) = await services.issuer(given)
    assert found.verdict is Verdict.MISSING
    assert "slash" in found.mend


MODEL_FREE = {
    "default_graph": "restore_classic",
    "default_animation_graph": "animate_classic",
    "hd_image_graph": "upscale_classic",
    "hd_video_graph": "upscale_video_classic",
}


@pytest.mark.parametrize(
    ("setting", "graph"),
    [
        ("default_graph", "restore"),
        ("default_animation_graph", "animate"),
        ("hd_image_graph", "upscale_hd"),
        ("hd_video_graph", "animate_hd"),
    ],
)
async def test_a_graph_that_is_set_and_lacks_models_is_missing(
    setting: str, graph: str, engine: Any
) -> None:
    chosen: dict[str, Any] = {**MODEL_FREE, setting: graph}
    given = Settings(
        _env_file=None, comfyui_url=engine.url, stripe_secret_key=SecretStr("key"), **chosen
    )
    server, graphs = await rendering.comfyui(given)
    assert (server.verdict, graphs.verdict) == (Verdict.GOOD, Verdict.MISSING)
    assert f"{setting.upper()} is {graph}" in graphs.found
    assert "rekindle graphs check" in graphs.mend
    assert setting.upper() in graphs.mend


async def test_where_nothing_is_sold_graphs_of_hd_may_lack_models(engine: Any) -> None:
    chosen: dict[str, Any] = {
        **MODEL_FREE,
        **{"hd_image_graph": "upscale_hd", "hd_video_graph": "animate_hd"},
    }
    given = Settings(_env_file=None, comfyui_url=engine.url, stripe_secret_key=None, **chosen)
    _, graphs = await rendering.comfyui(given)
    assert graphs.verdict is Verdict.WARNING
    assert "HD_IMAGE_GRAPH, HD_VIDEO_GRAPH" in graphs.mend


async def test_each_of_several_servers_is_asked(engine: Any) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    chosen: dict[str, Any] = MODEL_FREE
    given = Settings(_env_file=None, comfyui_url=f"{engine.url}, {gone}", **chosen)
    server, graphs, away = await rendering.comfyui(given)
    assert (server.verdict, graphs.verdict) == (Verdict.GOOD, Verdict.GOOD)
    assert away.verdict is Verdict.MISSING
    assert gone in away.found


async def test_something_else_at_the_address_of_comfyui_is_recognised(issuer: Issuer) -> None:
    given = Settings(_env_file=None, comfyui_url=issuer.url)
    (found,) = await rendering.comfyui(given)
    assert found.verdict is Verdict.MISSING


@pytest.mark.parametrize(
    ("changed", "verdict", "words"),
    [
        ({}, Verdict.GOOD, f"knows {WEB_CLIENT}; browsers come to {BROWSERS}"),
        ({"oidc_client_id": None, "oidc_client_secret": None}, Verdict.GOOD, "off"),
        ({"oidc_client_id": None}, Verdict.MISSING, "together"),
        ({"oidc_client_secret": SecretStr("another")}, Verdict.MISSING, "refuses OIDC_CLIENT_ID"),
        ({"public_url": "http://photos.example"}, Verdict.MISSING, "https"),
        ({"auth0_domain": "http://127.0.0.1:1/"}, Verdict.MISSING, "the issuer"),
        ({"auth0_domain": "http://photos.example/"}, Verdict.MISSING, "not HTTPS"),
    ],
    ids=["good", "off", "half", "secret", "plain", "away", "unsafe"],
)
async def test_whether_people_can_sign_in_with_a_browser(
    changed: dict[str, Any], verdict: Verdict, words: str, issuer: Issuer
) -> None:
    fixed: dict[str, Any] = {
        "auth0_domain": issuer.issuer,
        "public_url": BROWSERS,
        "oidc_client_id": WEB_CLIENT,
        "oidc_client_secret": SecretStr(issuer.web_secret),
    }
    (found,) = await sign_in.browsers(Settings(_env_file=None, **{**fixed, **changed}))
    assert (found.verdict, words in found.found) == (verdict, True), found
    assert bool(found.mend) is (verdict is Verdict.MISSING)
