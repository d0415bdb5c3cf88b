"""The commands `rekindle bucket ...`: which web pages may post to the bucket, and what expires."""

import asyncio
import math
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.failures import Unreachable
from deploy.cli.groups import command_group
from deploy.cli.operating import OperatorDataOption, operator_settings
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported

if TYPE_CHECKING:
    from rekindle.ports.buckets import Bucket, BucketRules
    from rekindle.settings import Settings

app = command_group("bucket", "Set up the photo bucket for browsers, or look how it is set up.")


@app.command()
def setup(
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Of web pages that may post photos, such as https://app.example; several times "
            "for several. CORS_ORIGINS and PUBLIC_URL by default.",
        ),
    ] = None,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let web pages post photos to the bucket, and have left-overs expire where it can.

    Rules of others stay. The sweep deletes left-overs much sooner; the bucket's own rule is for
    days when no worker runs.
    """
    with reported(as_json=as_json):
        settings = operator_settings(data)
        _tell(settings, asyncio.run(_set_up(settings, origin)), as_json)


@app.command()
def show(data: OperatorDataOption = None, as_json: JsonOption = False) -> None:
    """Show which web pages may post to the bucket, and what expires in it."""
    with reported(as_json=as_json):
        settings = operator_settings(data)
        _tell(settings, asyncio.run(_read(settings)), as_json)


async def _set_up(settings: "Settings", origins: list[str] | None) -> "BucketRules":
    from rekindle.errors import StorageUnavailable

    bucket = _bucket(settings)
    try:
        await bucket.open_to(origins or settings.page_origins)
        await bucket.expire_incoming(math.ceil(settings.abandoned_upload_hours / 24) + 1)
        return await bucket.rules()
    except StorageUnavailable as error:
        raise Unreachable(f"The bucket {settings.s3_bucket} cannot be set up: {error}") from error


async def _read(settings: "Settings") -> "BucketRules":
    from rekindle.errors import StorageUnavailable

    try:
        return await _bucket(settings).rules()
    except StorageUnavailable as error:
        raise Unreachable(f"The bucket {settings.s3_bucket} cannot be read: {error}") from error


def _bucket(settings: "Settings") -> "Bucket":
    from rekindle.wiring.parts import bucket

    return bucket(settings)


def _tell(settings: "Settings", rules: "BucketRules", as_json: bool) -> None:
    days = rules.incoming_days
    if as_json:
        answer_json(
            {
                "bucket": settings.s3_bucket,
                "origins": list(rules.origins),
                "incoming_days": days,
            }
        )
        return
    expire = f"after {days} days" if days else "by the sweep alone: the bucket has no rule for them"
    typer.echo(
        f"bucket          {settings.s3_bucket}\n"
        f"pages may post  {', '.join(rules.origins) or 'none: run `rekindle bucket setup`'}\n"
        f"left-overs go   {expire}"
    )
