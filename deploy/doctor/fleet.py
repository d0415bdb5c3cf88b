"""The terms on which pods are rented: whether they can be read, and whether they allow any."""

from collections.abc import Sequence

from deploy.doctor.finding import Finding, good, missing, warning
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import SettingsInvalid
from rekindle.rules.scaling import ClassPolicy
from rekindle.settings import Settings
from worker.fleet import class_policies

SUBJECT = "fleet"
_PREWARM = (
    "Correct IMAGE_PODS_PREWARM or VIDEO_PODS_PREWARM: `cron=count`, several separated by "
    "semicolons, such as `* 8-18 * * 1-5=2`."
)


async def terms(settings: Settings) -> Sequence[Finding]:
    """What the fleet may do. Nothing is said where nobody rents pods."""
    if not settings.rents_pods:
        return []
    try:
        policies = class_policies(settings)
    except SettingsInvalid as error:
        return [missing(SUBJECT, str(error), _PREWARM)]
    image, video = policies[GpuClass.IMAGE], policies[GpuClass.VIDEO]
    text = (
        f"at most {image.max_pods} pods for pictures and {video.max_pods} for animations, "
        f"${settings.spend_per_hour:g} an hour and ${settings.spend_per_day:g} a day"
    )
    wrong = [
        *_too_many(settings.image_pods_min, image, "IMAGE_PODS"),
        *_too_many(settings.video_pods_min, video, "VIDEO_PODS"),
        *_nothing(settings, image, video),
    ]
    return [warning(SUBJECT, found, mend) for found, mend in wrong] or [good(SUBJECT, text)]


def _too_many(least: int, policy: ClassPolicy, name: str) -> list[tuple[str, str]]:
    if least <= policy.max_pods:
        return []
    text = f"{name}_MIN is {least}, but {name}_MAX only {policy.max_pods}, which counts"
    return [(text, f"Raise {name}_MAX, or lower {name}_MIN.")]


def _nothing(settings: Settings, *policies: ClassPolicy) -> list[tuple[str, str]]:
    """Why no pod is ever rented, if none is."""
    if not any(policy.max_pods for policy in policies):
        text = "IMAGE_PODS_MAX and VIDEO_PODS_MAX are both 0: no pod is ever rented"
        return [(text, "Raise one of them.")]
    if not settings.spend_per_hour or not settings.spend_per_day:
        text = "a limit of $0 allows no pod at all"
        return [(text, "Raise SPEND_PER_HOUR and SPEND_PER_DAY.")]
    return []
