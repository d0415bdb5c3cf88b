"""CloudFront: whether it opens photos by our addresses, and by nothing else."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx

from deploy.doctor.finding import Finding, good, missing, warning
from deploy.doctor.services import CONNECT_SECONDS
from rekindle.errors import RekindleError, SettingsInvalid
from rekindle.settings import Settings
from rekindle.wiring.parts import object_store

_SUBJECT = "CloudFront"
_SEE = "docs/cloudfront.md says how."
_PROBE = b"rekindle doctor"
_NAME = "rekindle doctor.txt"


async def cloudfront(settings: Settings) -> Sequence[Finding]:
    """The settings, and what the distribution does with a small object of ours."""
    if settings.cloudfront_domain is None:
        return [_unused(settings)]
    try:
        store = await asyncio.to_thread(object_store, settings, timeout=CONNECT_SECONDS)
    except SettingsInvalid as error:
        return [missing(_SUBJECT, str(error), f"Correct it; {_SEE}")]
    except ValueError as error:  # boto's, of a region or an endpoint
        return [missing(_SUBJECT, f"the bucket's settings: {error}", "See the finding about S3.")]
    key_is_good = good(_SUBJECT, f"the key {settings.cloudfront_key_pair_id} can sign")
    key = f"doctor/{uuid4()}"
    try:
        with TemporaryDirectory() as folder:
            probe = Path(folder) / "probe"
            probe.write_bytes(_PROBE)
            await store.put_file(key, probe, content_type="text/plain")
        try:
            tried = await _try(store.url(key, filename=_NAME, seconds=60))
        finally:
            await store.delete(key)
    except RekindleError:
        mend = "Mend S3 first; the finding about it says how."
        return [key_is_good, warning(_SUBJECT, "not tried: no object can be put", mend)]
    return [key_is_good, tried]


def _unused(settings: Settings) -> Finding:
    if settings.cloudfront_key_pair_id is None and settings.cloudfront_private_key is None:
        return good(_SUBJECT, "not used: S3 itself opens photos, by presigned addresses")
    text = "a key is set, but CLOUDFRONT_DOMAIN is not: it is not used"
    return warning(_SUBJECT, text, "Set the domain, or take the key away.")


async def _try(address: str) -> Finding:
    """What the distribution answers to a signed address, and to the same one unsigned."""
    where = httpx.URL(address).host
    try:
        async with httpx.AsyncClient(timeout=CONNECT_SECONDS) as client:
            signed = await client.get(address)
            unsigned = await client.get(address.partition("?")[0])
    except httpx.HTTPError as error:
        text = f"{where} does not answer: {type(error).__name__}"
        return missing(_SUBJECT, text, "Correct CLOUDFRONT_DOMAIN, or enable the distribution.")
    if unsigned.status_code != httpx.codes.FORBIDDEN:
        text = f"{where} answers {unsigned.status_code} without a signature: photos may be open"
        mend = f"Have every behaviour restrict viewer access to a trusted key group; {_SEE}"
        return missing(_SUBJECT, text, mend)
    if signed.status_code != httpx.codes.OK or signed.content != _PROBE:
        text = f"{where} answers {signed.status_code} to an address that we signed"
        mend = f"Put the key into the trusted key group, and allow the distribution to read; {_SEE}"
        return missing(_SUBJECT, text, mend)
    if _NAME not in signed.headers.get("content-disposition", ""):
        text = f"{where} opens photos, but files are saved without their names"
        mend = f"Put response-content-disposition into the cache policy; {_SEE}"
        return warning(_SUBJECT, text, mend)
    return good(_SUBJECT, f"{where} opens what we sign, under its name, and nothing else")
