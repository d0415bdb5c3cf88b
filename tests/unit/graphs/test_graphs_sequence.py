"""The frames of a clip out of one still: where the camera is, and the nodes that say so."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from comfy_graphs import GraphPack, bind, complete, load_pack
from comfy_graphs.coherence import contradictions
from comfy_graphs.sequence import FrameSequence, Path, canvas_side, unroll, windows

PACK = load_pack("animate_classic")
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MOTIONS = ["push_in", "pull_out", "pan_left", "pan_right", "drift"]


def sequence_of(pack: GraphPack) -> FrameSequence:
    assert pack.manifest.sequence is not None
    return pack.manifest.sequence


@unhurried
@given(st.sampled_from(MOTIONS), st.integers(2, 8), st.integers(12, 30))
def test_every_edge_moves_by_the_same_whole_number_of_pixels_each_frame(
    motion: str, seconds: int, fps: int
) -> None:
    sequence, frames = sequence_of(PACK), seconds * fps
    seen = windows(sequence.paths[motion], sequence.parts, frames)
    assert len(seen) == frames
    edges = [(w.x, w.y, w.x + w.width, w.y + w.height) for w in seen]
    steps = {
        tuple(b - a for a, b in zip(one, other, strict=True)) for one, other in pairwise(edges)
    }
    assert len(steps) == 1
    assert steps != {(0, 0, 0, 0)}


@unhurried
@given(st.sampled_from(MOTIONS), st.integers(2, 8), st.integers(12, 30))
def test_the_camera_stays_on_the_photo_and_keeps_its_shape(
    motion: str, seconds: int, fps: int
) -> None:
    sequence, frames = sequence_of(PACK), seconds * fps
    side = canvas_side(sequence.parts, frames)
    assert side <= 4096
    for window in windows(sequence.paths[motion], sequence.parts, frames):
        assert min(window.x, window.y) >= 0
        assert max(window.x + window.width, window.y + window.height) <= side
        assert window.width == window.height > 0.8 * side


def test_a_push_in_begins_with_the_whole_photo_and_a_pull_out_ends_with_it() -> None:
    sequence = sequence_of(PACK)
    side = canvas_side(sequence.parts, 96)
    ends = {m: windows(sequence.paths[m], sequence.parts, 96) for m in MOTIONS}
    assert ends["push_in"][0] == ends["pull_out"][-1] == (0, 0, side, side)
    assert ends["push_in"] == ends["pull_out"][::-1]
    assert ends["pan_left"] == ends["pan_right"][::-1]
    assert ends["pan_left"][0].x > ends["pan_left"][-1].x == 0


def test_more_frames_than_the_nodes_can_take_are_refused() -> None:
    with pytest.raises(ValueError, match="need a canvas"):
        canvas_side(16, 2000)


@pytest.mark.parametrize("frames", [24, 25, 31, 96, 240])
def test_frames_are_joined_in_order_and_in_few_steps(frames: int) -> None:
    values = {**complete(PACK, {}, seed=1), "seconds": 1, "fps": frames}
    graph = unroll(PACK.graph, sequence_of(PACK), values)

    def shown(node: str) -> tuple[list[str], int]:
        body = graph[node]
        if body["class_type"] != "ImageBatch":
            return [node], 0
        (first, one), (second, other) = (shown(body["inputs"][i][0]) for i in ("image1", "image2"))
        return first + second, 1 + max(one, other)

    order, depth = shown(graph["190"]["inputs"]["images"][0])
    assert order == [f"150_{n}" for n in range(frames)]
    assert depth == (frames - 1).bit_length()
    assert [graph[node]["inputs"]["image"] for node in order] == [
        [f"140_{n}", 0] for n in range(frames)
    ]


def test_unrolling_leaves_the_pack_as_it_was() -> None:
    graph = PACK.graph
    unroll(graph, sequence_of(PACK), complete(PACK, {}, seed=1))
    assert graph == json.loads(PACK.graph_text)


def test_the_same_parameters_give_the_same_graph() -> None:
    values = complete(PACK, {"motion": "drift"}, seed=1)
    one, other = (bind(PACK, values, photo="a.png", filename_prefix="out") for _ in range(2))
    assert json.dumps(one.graph) == json.dumps(other.graph)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ((-1, 0, 1, 0), (0, 0, 0, 0)),
        ((0, 0, 0, 0), (8, 8, 8, 8)),
        ((1, 0, 0, 0), (0, 0, 0, 0)),
    ],
    ids=["outside", "empty", "another shape"],
)
def test_a_path_that_leaves_the_photo_or_its_shape_is_refused(
    begins: tuple[int, int, int, int], ends: tuple[int, int, int, int]
) -> None:
    paths = {"push_in": Path(begins=begins, ends=ends)}
    given = sequence_of(PACK).model_dump() | {"paths": paths}
    with pytest.raises(ValidationError, match=r"leaves the photo|window of no size"):
        FrameSequence.model_validate(given)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"motion": "nothing"}, "needs a choice of motions"),
        ({"seconds": "megapixels"}, "needs a choice of motions"),
        ({"paths": {}}, "a path for every motion"),
    ],
    ids=["unknown parameter", "parameter of another type", "no paths"],
)
def test_a_sequence_must_fit_the_parameters(change: dict[str, Any], complaint: str) -> None:
    manifest = PACK.manifest.model_dump(mode="json")
    manifest["sequence"] |= change
    for parameter in manifest["parameters"]:
        if parameter["name"] in change:  # it is used by nothing now
            parameter["recorded_only"] = True
    with pytest.raises(ValidationError, match=complaint):
        type(PACK.manifest).model_validate(manifest)


def test_contradictions_about_copied_nodes_are_named() -> None:
    graph = PACK.graph
    graph["140"]["inputs"]["image"] = ["78", 0]
    graph["190"]["inputs"]["images"] = ["150", 0]
    manifest = PACK.manifest.model_copy(
        update={"filename_prefix": PACK.manifest.photo.model_copy(update={"node": "140"})}
    )
    assert set(contradictions(manifest, graph)) >= {
        "node 140 does not take its image from node 130",
        "node 190 takes its images from node 150, which is copied",
        "140.image is bound, but the node is copied",
    }
