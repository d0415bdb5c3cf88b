"""What the doctor finds about the terms on which pods are rented."""

from typing import Any

import pytest
from pydantic import SecretStr

from deploy.doctor.finding import Verdict
from deploy.doctor.fleet import terms
from rekindle.settings import Settings


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, runpod_api_key=SecretStr("rpa_x"), comfyui_url=None, **given)


async def test_terms_that_allow_pods_are_told_with_their_limits() -> None:
    (found,) = await terms(settings(image_pods_max=4, video_pods_max=2, spend_per_hour=7.5))
    assert found.verdict is Verdict.GOOD
    assert "at most 4 pods for pictures and 2 for animations, $7.5 an hour" in found.found


@pytest.mark.parametrize(
    ("given", "verdict", "mend"),
    [
        ({"image_pods_prewarm": "at eight=2"}, Verdict.MISSING, "IMAGE_PODS_PREWARM"),
        ({"video_pods_prewarm": "* * * * *"}, Verdict.MISSING, "VIDEO_PODS_PREWARM"),
        ({"image_pods_min": 5}, Verdict.WARNING, "IMAGE_PODS_MAX"),
        ({"video_pods_min": 2}, Verdict.WARNING, "VIDEO_PODS_MAX"),
        ({"image_pods_max": 0, "video_pods_max": 0}, Verdict.WARNING, "Raise one"),
        ({"spend_per_hour": 0}, Verdict.WARNING, "SPEND_PER_HOUR"),
        ({"spend_per_day": 0}, Verdict.WARNING, "SPEND_PER_DAY"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_terms_that_cannot_be_meant_are_told_with_how_to_mend_them(
    given: dict[str, Any], verdict: Verdict, mend: str
) -> None:
    (found,) = await terms(settings(**given))
    assert found.verdict is verdict
    assert mend in found.mend


async def test_who_rents_no_pods_has_no_terms() -> None:
    fixed = settings(image_pods_prewarm="nonsense").model_copy(
        update={"comfyui_url": "http://127.0.0.1:8188"}
    )
    assert await terms(fixed) == []
