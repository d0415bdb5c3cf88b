"""The servers that Rekindle works with: database, Temporal, S3, issuer."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from deploy.doctor.finding import Finding, good, missing, warning
from rekindle.adapters.oidc.documents import IssuerDocuments, UnusableReply
from rekindle.adapters.temporal import connect
from rekindle.contracts import queues
from rekindle.errors import RekindleError, WorkflowsUnavailable
from rekindle.settings import Settings
from rekindle.store import schema
from rekindle.wiring import parts
from rekindle.wiring.parts import object_store

CONNECT_SECONDS = 5
LEAST_POSTGRES = 15
_LARGEST_DOCUMENT = 1 << 20
_PAGES = "S3 pages"
_OR_DEV = "(`rekindle dev` runs one of its own)"


async def api(address: str) -> Sequence[Finding]:
    """A running API, by what it says of itself.

    Args:
        address: `http://host:port`.
    """
    try:
        async with httpx.AsyncClient(base_url=address, timeout=CONNECT_SECONDS) as client:
            health = (await client.get("/health")).json()
            status, version = str(health["status"]), str(health["version"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        text = f"{address} does not answer: {error or type(error).__name__}"
        return [missing("API", text, "Its log says why.")]
    text = f"{version} at {address} is {status}"
    away = [name for name, part in health["dependencies"].items() if part["status"] != "up"]
    if away:
        return [
            missing("API", f"{text}; away: {', '.join(away)}", "The other findings say what lacks.")
        ]
    return [good("API", text)]


async def database(settings: Settings) -> Sequence[Finding]:
    """Postgres: reachable, new enough, and of this release's shape."""
    url = settings.database_url.get_secret_value()
    try:
        state = await asyncio.to_thread(schema.look, url, timeout=CONNECT_SECONDS)
    except (SQLAlchemyError, ValueError, ImportError) as error:
        return [_no_database(str(error))]
    found = [good("database", f"Postgres {state.server_version}")]
    if state.server_version < LEAST_POSTGRES:
        text = f"Postgres {state.server_version}"
        found = [missing("database", text, f"Use Postgres {LEAST_POSTGRES} or newer.")]
    if state.present == state.head:
        return [*found, good("tables", f"at revision {state.head}, the newest")]
    text = f"at revision {state.present or 'base'}, this release needs {state.head}"
    return [*found, missing("tables", text, "rekindle migrate")]


# libpq's own words are not shown: where a password holds an unescaped @ or /, they quote it as a
# host or a port.
_DATABASE_TROUBLES = (
    ("authentication failed", "refuses the user or the password", "Correct DATABASE_URL."),
    ("no password supplied", "asks for a password", "Put it into DATABASE_URL."),
    ("does not exist", "has no such database or user", "Create it, or correct DATABASE_URL."),
    (
        "resolve host",
        "has a host name that nobody knows",
        "Correct DATABASE_URL; write @ in a password as %40, / as %2F.",
    ),
    ("refused", "refuses connections", f"Start Postgres, or correct DATABASE_URL {_OR_DEV}."),
    ("timeout", "does not answer in time", "Correct DATABASE_URL, or open the firewall."),
    ("too many", "has no connection left", "Raise max_connections, or stop something."),
)


def _no_database(said: str) -> Finding:
    for words, found, mend in _DATABASE_TROUBLES:
        if words in said:
            return missing("database", f"the server {found}", mend)
    # pragma: allowlist nextline secret
    mend = "Correct DATABASE_URL: postgresql://user:password@host:5432/name, with @ as %40."
    return missing("database", "cannot be reached with DATABASE_URL", mend)


async def temporal(settings: Settings) -> Sequence[Finding]:
    """Temporal: reachable, with our namespace, and with a worker that asks it for work."""
    address, namespace = settings.temporal_address, settings.temporal_namespace
    try:
        client = await connect(address, namespace)
        system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except (WorkflowsUnavailable, RPCError) as error:
        mend = f"Start Temporal, or correct TEMPORAL_ADDRESS {_OR_DEV}."
        return [missing("Temporal", f"{address} does not answer: {_in_short(error)}", mend)]
    found = [good("Temporal", f"server {system.server_version or 'Cloud'} at {address}")]
    try:
        wanted = DescribeNamespaceRequest(namespace=namespace)
        await client.workflow_service.describe_namespace(wanted)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            text = f"the namespace {namespace} is closed to us: {error.status.name}"
            return [*found, warning("Temporal", text, "Correct TEMPORAL_API_KEY.")]
        mend = f"temporal operator namespace create --namespace {namespace}"
        return [*found, missing("Temporal", f"there is no namespace {namespace}", mend)]
    return [*found, await _worker(client)]


def _in_short(error: Exception) -> str:
    """The reason alone: the SDK wraps it into Rust's structures."""
    reason = re.search(r'message: "([^"]+)"', str(error))
    return reason[1] if reason else str(error)


async def _worker(client: Client) -> Finding:
    queue = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queues.CONTROL),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    workers = len({poller.identity for poller in queue.pollers})
    if workers:
        return good("worker", f"{workers} asked for work within the last minutes")
    return warning("worker", "none has asked for work lately", "python -m worker.main")


async def bucket(settings: Settings) -> Sequence[Finding]:
    """S3: our keys open the bucket for listing, writing and deleting."""
    name = settings.s3_bucket
    where = settings.s3_endpoint_url or f"AWS {settings.aws_region}"
    key = f"doctor/{uuid4()}"
    try:
        store = await asyncio.to_thread(object_store, settings, timeout=CONNECT_SECONDS)
        await store.check()
        with TemporaryDirectory() as folder:
            probe = Path(folder) / "probe"
            probe.write_bytes(b"rekindle doctor")
            await store.put_file(key, probe, content_type="text/plain")
        await store.delete(key)
        left = await store.head(key)
    except (RekindleError, ValueError) as error:
        return [missing("S3", f"{name} at {where}: {error}", _mend_bucket(str(error)))]
    if left is not None:
        text = f"{name} at {where}: {key} cannot be deleted"
        return [missing("S3", text, "Allow s3:DeleteObject: people may delete their photos.")]
    return [good("S3", f"{name} at {where}: lists, writes, deletes")]


async def pages(settings: Settings) -> Sequence[Finding]:
    """Whether the web pages that may call the API may also post photos to the bucket."""
    wanted = settings.page_origins
    try:
        found = await asyncio.to_thread(parts.bucket, settings, timeout=CONNECT_SECONDS)
        closed = (await found.rules()).closed_to(wanted)
    except (RekindleError, ValueError):
        mend = "Mend S3 first, or allow s3:GetBucketCORS and s3:PutBucketCORS."
        return [warning(_PAGES, "the bucket's rules for browsers cannot be read", mend)]
    if closed:
        text = f"pages of {', '.join(closed)} cannot send photos straight to the bucket"
        return [warning(_PAGES, text, "rekindle bucket setup")]
    return [good(_PAGES, f"pages of {', '.join(wanted)} may post photos to the bucket")]


def _mend_bucket(said: str) -> str:
    if "NoSuchBucket" in said:
        return "Create the bucket (private), or correct S3_BUCKET."
    if "AccessKey" in said or "Signature" in said or "credentials" in said:
        return "Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    if "AccessDenied" in said or "Forbidden" in said:
        return "Allow these keys to list, read, write and delete in the bucket."
    return f"Correct S3_ENDPOINT_URL and AWS_REGION {_OR_DEV}."


async def issuer(settings: Settings) -> Sequence[Finding]:
    """The issuer of sign-ins: its discovery document and its keys."""
    address = settings.issuer
    if not address:
        mend = "Name it, such as example.eu.auth0.com or http://127.0.0.1:9400/."
        return [missing("sign-in", "AUTH0_DOMAIN is empty", mend)]
    try:
        documents = IssuerDocuments(address, timeout=CONNECT_SECONDS, max_bytes=_LARGEST_DOCUMENT)
    except ValueError as error:
        return [missing("sign-in", f"AUTH0_DOMAIN: {error}", "Use an https:// address.")]
    try:
        keys = await documents.fetch_keys()
    except (UnusableReply, httpx.HTTPError, httpx.InvalidURL) as error:
        text = f"{address}: {error or type(error).__name__}"
        return [missing("sign-in", text, f"Correct AUTH0_DOMAIN, to the slash {_OR_DEV}.")]
    finally:
        await documents.aclose()
    return [good("sign-in", f"{address}, {len(keys)} keys, for {settings.auth0_audience}")]
