"""What `rekindle dev` would run, over the services of this test process, found by its note."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from deploy.cli.client import ApiClient
from deploy.cli.connection import connect
from deploy.cli.main import app
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.s3 import EmbeddedS3
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.stack.note import RunningStack, note_running
from deploy.stack.services import OPERATOR_CLIENT, Api, Issuer, Worker
from tests.services.cli.developer import Developer

AUDIENCE = "https://api.example"

Rekindle = Callable[..., Result]


@pytest.fixture(scope="session")
def cli_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    folder = tmp_path_factory.mktemp("cli-issuer")
    with Issuer(folder, port=free_port(), audience=AUDIENCE) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def cli_variables(
    postgres_server: EmbeddedPostgres,
    s3_server: EmbeddedS3,
    temporal_server: EmbeddedTemporal,
    cli_issuer: Issuer,
) -> dict[str, str]:
    """The settings of API and worker."""
    key = next(iter(s3_server.address.keys.values()))
    return {
        "DATABASE_URL": postgres_server.address.url,
        "TEMPORAL_ADDRESS": temporal_server.address.address,
        "S3_ENDPOINT_URL": s3_server.address.endpoint_url,
        "S3_BUCKET": s3_server.address.bucket,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AUTH0_DOMAIN": cli_issuer.issuer,
        "AUTH0_AUDIENCE": AUDIENCE,
        "SECRET_KEY": "s" * 32,
        "DEFAULT_GRAPH": "restore_classic",
        "DEFAULT_ANIMATION_GRAPH": "animate_classic",
    }


@pytest.fixture(scope="session")
def running_api(
    tmp_path_factory: pytest.TempPathFactory, cli_issuer: Issuer, cli_variables: dict[str, str]
) -> Iterator[Path]:
    """An API that runs; the folder in which commands find it."""
    data = tmp_path_factory.mktemp("cli-data")
    port = free_port()
    variables = {**cli_variables, "BACKEND_PORT": str(port)}
    with Api(data / "api", port=port, variables=lambda: variables) as api:
        note = RunningStack(
            pid=os.getpid(),
            api=api.url,
            issuer=cli_issuer.issuer,
            audience=AUDIENCE,
            client_id=cli_issuer.client_id,
            secret_file=str(cli_issuer.secret_file),
            operator_client_id=OPERATOR_CLIENT,
            operator_secret_file=str(cli_issuer.operator_secret_file),
        )
        with note_running(data, note):
            yield data


@pytest.fixture
def rekindle(running_api: Path) -> Rekindle:
    """Runs the command as a person does, who started `rekindle dev` in that folder."""

    def run(*arguments: str) -> Result:
        runner = CliRunner(env={"REKINDLE_API": None, "REKINDLE_TOKEN": None})
        return runner.invoke(app, [*arguments, "--data", str(running_api)])

    return run


@pytest.fixture
def answer() -> Callable[[Result], dict[str, Any]]:
    """The JSON object of a command that succeeded."""

    def read(done: Result) -> dict[str, Any]:
        assert done.exit_code == 0, done.output
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    return read


@pytest.fixture(scope="module")
def cli_worker(
    tmp_path_factory: pytest.TempPathFactory,
    temporal_server: EmbeddedTemporal,
    shared_engine: Any,
    cli_variables: dict[str, str],
) -> Iterator[Worker]:
    """A worker process that renders on the engine without models."""
    variables = {**cli_variables, "COMFYUI_URL": shared_engine.url, "MAX_RETRIES": "0"}
    folder = tmp_path_factory.mktemp("cli-worker")
    with Worker(folder, temporal_server.address, variables=lambda: variables) as worker:
        yield worker


@pytest.fixture
def developer(
    cli_worker: Worker, running_api: Path, engine: Any, temporal: Any, tmp_path: Path
) -> Iterator[Developer]:
    """`temporal` ends what a test leaves behind."""
    photo = tmp_path / "photo.png"
    noise = np.random.default_rng(uuid4().int).integers(0, 255, (60, 80, 3))
    cv2.imwrite(str(photo), noise.astype(np.uint8))  # no result of an earlier test is reused
    with ApiClient(connect(None, None, running_api)) as client:
        yield Developer(client, engine, photo)
    engine.delay()
