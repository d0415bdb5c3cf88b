"""What operators set becomes the policy of each class."""

import pytest

from rekindle.contracts.statuses import GpuClass
from rekindle.errors import SettingsInvalid
from rekindle.rules.scaling import ClassPolicy, parse_prewarm
from rekindle.settings import Settings
from worker.fleet import class_policies

COMMON = {
    "pod_idle_seconds": 90.0,
    "pod_settled_seconds": 45.0,
    "pod_late_seconds": 700.0,
    "spend_per_hour": 7.0,
    "spend_per_day": 70.0,
    "spend_paid_reserve": 0.3,
}


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **{**COMMON, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize("gpu_class", list(GpuClass))
def test_every_term_of_a_class_reaches_its_policy_and_no_other(gpu_class: GpuClass) -> None:
    terms = {
        "pods_min": 1,
        "pods_max": 5,
        "pods_spare": 2,
        "pods_prewarm": "* 8-18 * * 1-5=3",
        "spend_per_hour": 4.0,
        "spend_per_day": 40.0,
    }
    found = class_policies(settings(**{f"{gpu_class}_{name}": v for name, v in terms.items()}))

    assert found.pop(gpu_class) == ClassPolicy(
        max_pods=5,
        min_pods=1,
        warm_spares=2,
        prewarm=parse_prewarm("* 8-18 * * 1-5=3"),
        idle_seconds=90.0,
        scale_in_stabilization_seconds=45.0,
        late_seconds=700.0,
        usd_per_hour=7.0,
        usd_per_day=70.0,
        class_usd_per_hour=4.0,
        class_usd_per_day=40.0,
        paid_reserve=0.3,
    )
    (other,) = found.values()
    assert (other.min_pods, other.warm_spares, other.prewarm) == (0, 0, ())
    assert (other.class_usd_per_hour, other.class_usd_per_day) == (None, None)


def test_animations_may_keep_their_pods_for_another_time() -> None:
    found = class_policies(settings(video_pod_idle_seconds=600.0))
    assert found[GpuClass.IMAGE].idle_seconds == 90.0
    assert found[GpuClass.VIDEO].idle_seconds == 600.0


def test_a_minimum_above_the_maximum_is_the_maximum() -> None:
    assert (
        class_policies(settings(image_pods_min=4, image_pods_max=2))[GpuClass.IMAGE].min_pods == 2
    )


def test_a_pre_warm_entry_that_cannot_be_read_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsInvalid, match="five cron fields"):
        class_policies(settings(image_pods_prewarm="every morning=1"))
