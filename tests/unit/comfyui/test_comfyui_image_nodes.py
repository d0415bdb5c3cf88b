"""Every picture and mask node gives what a real ComfyUI gave for the same small inputs.

``measured_nodes.json`` holds outputs of ComfyUI 0.3.64 (CPU, PyTorch 2.13.0, kornia 0.9.0) for
patterned pictures that this file can make again from their shape and seed.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulators.comfyui.nodes import color, filters, mask, scale, transform
from simulators.comfyui.nodes.arrays import Array

MEASURED: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("measured_nodes.json").read_text()
)
CLASSES = {
    node.name: node
    for module in (color, filters, mask, scale, transform)
    for node in module.nodes.classes
}


def pattern(seed: int, height: int, width: int, channels: int = 3, batch: int = 1) -> Array:
    """The pattern the measured inputs were made of: levels of 8 bits, shape NHWC."""
    index = np.arange(batch * height * width * channels, dtype=np.int64)
    levels = ((index * index * 31 + index * 17 + seed * 101) % 256).astype(np.uint8)
    return levels.reshape(batch, height, width, channels).astype(np.float32) / np.float32(255)


def build(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "image" in value:
        made = pattern(value["seed"], *value["image"])
    else:
        height, width = value["mask"]
        made = pattern(value["seed"], height, width, 1)[..., 0]
    made.setflags(write=False)  # a node that writes into its inputs fails
    return made


def label(case: dict[str, Any]) -> str:
    words = [str(v) for v in case["inputs"].values() if not isinstance(v, dict)]
    return "-".join([case["class"], *words])


@pytest.mark.parametrize("case", MEASURED, ids=label)
def test_node_gives_what_comfyui_gave(case: dict[str, Any]) -> None:
    node = CLASSES[case["class"]]
    returned = node.run(**{name: build(value) for name, value in case["inputs"].items()})
    outputs = returned if isinstance(returned, tuple) else (returned,)
    assert len(outputs) == len(case["outputs"]) == len(node.outputs)
    for output, expected in zip(outputs, case["outputs"], strict=True):
        assert output.dtype == np.float32
        assert list(output.shape) == expected["shape"]
        np.testing.assert_allclose(output.ravel(), expected["values"], atol=2e-6)


def test_measurements_cover_every_node_that_computes_pixels() -> None:
    told_elsewhere = {
        "GetImageSize",
        "ImageScaleToTotalPixels",
        "FluxKontextImageScale",
        "RebatchImages",
    }
    assert set(CLASSES) - {case["class"] for case in MEASURED} == told_elsewhere


def test_megapixels_are_of_1024_by_1024() -> None:
    scaled = scale.image_scale_to_total_pixels(pattern(1, 30, 40), "bilinear", 0.03)
    assert scaled.shape == (1, 154, 205, 3)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(10, 10, (1024, 1024)), (10, 30, (672, 1568)), (31, 20, (1248, 832))],
)
def test_kontext_size_has_the_nearest_aspect(
    height: int, width: int, expected: tuple[int, int]
) -> None:
    assert scale.flux_kontext_image_scale(pattern(1, height, width)).shape[1:3] == expected


def test_unknown_option_fails_only_when_the_node_runs() -> None:
    picture = pattern(1, 4, 4)
    with pytest.raises(NotImplementedError, match="nope"):
        scale.image_scale_by(picture, "nope", 0.5)
    with pytest.raises(ValueError, match="nope"):
        filters.morphology(picture, "nope", 3)
    with pytest.raises(ValueError, match="nope"):
        color.image_blend(picture, picture, 0.5, "nope")


def test_blur_refuses_a_radius_that_reaches_across_the_picture() -> None:
    with pytest.raises(ValueError, match="Padding size"):
        filters.image_blur(pattern(1, 3, 9), 3, 1.0)


def test_yuv_refuses_pictures_with_transparency() -> None:
    with pytest.raises(ValueError, match=r"\(\*, 3, H, W\)"):
        color.image_rgb_to_yuv(pattern(1, 3, 3, 4))


def test_transparent_and_opaque_pictures_do_not_mix_one_way_round() -> None:
    with pytest.raises(ValueError, match="shape"):
        color.image_blend(pattern(1, 4, 4, 4), pattern(2, 4, 4, 3), 0.5, "normal")


def test_luma_of_a_sepia_picture_is_gray() -> None:
    gray = pattern(3, 5, 5, 1).repeat(3, axis=-1)
    sepia = np.clip(gray * np.array([1.0, 0.8, 0.6], np.float32), 0, 1)
    luma, blue, red = color.image_rgb_to_yuv(sepia)
    assert np.ptp(luma, axis=-1).max() == 0
    back = color.image_yuv_to_rgb(luma, blue, red)
    np.testing.assert_allclose(back, sepia, atol=1e-6)


def test_repeating_a_picture_copies_nothing() -> None:
    picture = pattern(1, 4, 4)
    repeated = transform.repeat_image_batch(picture, 500)
    assert repeated.shape == (500, 4, 4, 3)
    assert np.shares_memory(repeated, picture)


def test_rebatching_keeps_the_order_of_pictures() -> None:
    batches = [pattern(1, 2, 2, 3, 3), pattern(2, 2, 2, 3, 2)]
    cut = transform.rebatch_images(batches, [2])
    assert [len(batch) for batch in cut] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(cut), np.concatenate(batches))
