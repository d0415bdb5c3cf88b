"""Which checks there are."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from deploy.doctor import (
    cloud,
    configuration,
    delivery,
    fleet,
    graphs,
    machine,
    rendering,
    services,
    sign_in,
)
from deploy.doctor.finding import Check
from deploy.stack.ports import CUSTOMARY
from rekindle.settings import Settings


def of_machine(*, with_ports: bool) -> list[Check]:
    """What can be checked without any setting.

    Args:
        with_ports: whether `rekindle dev` is yet to be started.
    """
    folders = (Path.cwd(), Path(tempfile.gettempdir()))
    checks = [
        Check("Python", machine.python, "Install Python 3.11 or newer."),
        Check("packages", machine.packages, "pip install --upgrade rekindle"),
        Check("programs", machine.programs, "pip install 'rekindle[embedded]'"),
        Check("disk", partial(machine.disk, folders), "Look at the disk."),
    ]
    if with_ports:
        checks.append(Check("ports", partial(machine.ports, CUSTOMARY), "Stop what uses them."))
    return checks


def of_services(settings: Settings) -> Sequence[Check]:
    """Whether the settings are strong, and what they name is there."""
    return [
        Check("SECRET_KEY", partial(configuration.secret_key, settings), "Set SECRET_KEY."),
        Check("database", partial(services.database, settings), "Correct DATABASE_URL."),
        Check("Temporal", partial(services.temporal, settings), "Correct TEMPORAL_ADDRESS."),
        Check("S3", partial(services.bucket, settings), "Correct S3_ENDPOINT_URL."),
        Check("S3 pages", partial(services.pages, settings), "Correct S3_ENDPOINT_URL."),
        Check("CloudFront", partial(delivery.cloudfront, settings), "Correct CLOUDFRONT_DOMAIN."),
        Check("sign-in", partial(services.issuer, settings), "Correct AUTH0_DOMAIN."),
        Check(sign_in.SUBJECT, partial(sign_in.browsers, settings), "Correct OIDC_CLIENT_ID."),
        Check("graphs", partial(graphs.as_set, settings), "Reinstall rekindle."),
        Check("ComfyUI", partial(rendering.comfyui, settings), "Correct COMFYUI_URL."),
        Check("RunPod", partial(cloud.runpod, settings), "Correct RUNPOD_API_URL."),
        Check(fleet.SUBJECT, partial(fleet.terms, settings), "Correct the settings of pods."),
    ]


def of_api(address: str) -> list[Check]:
    """Whether an API that should run there does."""
    return [Check("API", partial(services.api, address), "Its log says why.")]


def of_environment() -> list[Check]:
    """Whether what is set in the environment and in `.env` is spelled as we read it."""
    return [Check("settings", configuration.settings_as_set, "Look at .env.")]
