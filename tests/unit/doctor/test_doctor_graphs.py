"""Whether the graph packs that settings name are installed, and fit for their use."""

from typing import Any

import pytest

from deploy.doctor import graphs
from deploy.doctor.finding import Verdict
from rekindle.settings import Settings


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


async def test_the_defaults_are_installed_and_fit() -> None:
    (found,) = await graphs.as_set(settings())
    assert found.verdict is Verdict.GOOD
    for use in graphs.USES:
        assert use.setting in found.found


async def test_the_packs_without_models_fit_too() -> None:
    given = settings(
        default_graph="restore_classic",
        default_animation_graph="animate_classic",
        hd_image_graph="upscale_classic",
        hd_video_graph="upscale_video_classic",
    )
    (found,) = await graphs.as_set(given)
    assert found.verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("setting", "name", "instead"),
    [
        ("default_graph", "dream", "restore_classic"),
        ("default_graph", "animate", "restore_classic"),
        ("default_animation_graph", "restore", "animate_classic"),
        ("default_animation_graph", "upscale_video_classic", "animate_classic"),
        ("hd_image_graph", "upscale_video_classic", "upscale_classic"),
        ("hd_image_graph", "restore", "upscale_classic"),
        ("hd_video_graph", "upscale_classic", "upscale_video_classic"),
        ("hd_video_graph", "animate", "upscale_video_classic"),
        ("hd_video_graph", "", "upscale_video_classic"),
    ],
)
async def test_a_graph_that_is_not_for_that_is_answered_with_those_that_are(
    setting: str, name: str, instead: str
) -> None:
    (found,) = await graphs.as_set(settings(**{setting: name}))
    assert found.verdict is Verdict.MISSING
    assert setting.upper() in found.found
    assert instead in found.mend
    assert setting.upper() in found.mend


async def test_each_wrong_setting_is_told() -> None:
    found = await graphs.as_set(settings(default_graph="x", hd_video_graph="y"))
    assert [each.verdict for each in found] == [Verdict.MISSING] * 2
