"""Parameters go where the manifest says, and nothing else gets in."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy_graphs import BoundGraph, GraphPack, bind, complete, load_pack
from comfy_graphs.bind import bound_value
from comfy_graphs.manifest import Binding
from rekindle.errors import InvalidRequest, ParameterOutOfRange


def bound(pack: GraphPack, **given: Any) -> BoundGraph:
    return bind(
        pack, complete(pack, given, seed=9), photo="jobs/1/a.png", filename_prefix="jobs/1/1/out"
    )


def test_what_is_not_given_has_its_default_and_a_seed_is_the_callers(pack: GraphPack) -> None:
    assert complete(pack, {}, seed=9) == {
        "denoise": 0.7,
        "seed": 9,
        "colorize": False,
        "mode": "faithful",
    }
    assert complete(pack, {"seed": 4}, seed=9)["seed"] == 4


def test_values_photo_and_prefix_reach_their_nodes(pack: GraphPack) -> None:
    graph = bound(pack, denoise=1, colorize=True).graph
    assert graph["3"]["inputs"]["strength"] == 1.0
    assert graph["3"]["inputs"]["seed"] == 9
    assert graph["3"]["inputs"]["text"] == "colour"
    assert graph["1"]["inputs"]["image"] == "jobs/1/a.png"
    assert graph["4"]["inputs"]["filename_prefix"] == "jobs/1/1/out"


def test_binding_leaves_the_pack_as_it_was(pack: GraphPack) -> None:
    before = pack.graph
    graph = bound(pack, denoise=0.1).graph
    graph["3"]["inputs"]["strength"] = 7
    assert pack.graph == before


def test_a_recorded_parameter_changes_nothing(pack: GraphPack) -> None:
    assert bound(pack, mode="enhanced") == bound(pack, mode="faithful")


def test_the_result_comes_from_the_output_node(pack: GraphPack) -> None:
    assert bound(pack).output_node == "4"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("denoise", "0.5"),
        ("denoise", True),
        ("denoise", None),
        ("seed", 1.0),
        ("seed", False),
        ("colorize", 1),
        ("colorize", "true"),
        ("mode", 3),
        ("mode", True),
    ],
)
def test_a_value_of_another_type_is_refused(pack: GraphPack, name: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=name):
        complete(pack, {name: value}, seed=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("denoise", -0.01),
        ("denoise", 1.01),
        ("denoise", math.nan),
        ("denoise", math.inf),
        ("denoise", 10**400),
        ("seed", -1),
        ("seed", 101),
        ("seed", -(10**400)),
        ("mode", "artistic"),
    ],
)
def test_a_value_outside_its_range_is_refused(pack: GraphPack, name: str, value: Any) -> None:
    with pytest.raises(ParameterOutOfRange, match=name):
        complete(pack, {name: value}, seed=1)


def test_a_refusal_says_name_range_and_value(pack: GraphPack) -> None:
    with pytest.raises(ParameterOutOfRange) as refusal:
        complete(pack, {"denoise": 1.7}, seed=1)
    sentence = "The parameter 'denoise' must be between 0 and 1, not 1.7."
    assert refusal.value.public_detail == sentence


def test_an_unknown_parameter_is_refused_with_the_known_ones(pack: GraphPack) -> None:
    with pytest.raises(InvalidRequest, match=r"'lora'.*colorize, denoise, mode, seed"):
        complete(pack, {"lora": 1}, seed=1)


def test_binding_wants_every_parameter(pack: GraphPack) -> None:
    values = complete(pack, {}, seed=1)
    del values["seed"]
    with pytest.raises(InvalidRequest, match="'seed' is missing"):
        bind(pack, values, photo="a.png", filename_prefix="out")


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../a.png", "a/../../b.png", "a.png [output]", "%date%", "a//b", "é.png"],
)
def test_a_name_that_leaves_the_servers_folders_is_refused(pack: GraphPack, name: str) -> None:
    values = complete(pack, {}, seed=1)
    with pytest.raises(InvalidRequest, match="plain and relative"):
        bind(pack, values, photo=name, filename_prefix="out")
    with pytest.raises(InvalidRequest, match="plain and relative"):
        bind(pack, values, photo="a.png", filename_prefix=name)


def test_a_curve_is_straight_between_its_points_and_level_beyond() -> None:
    binding = Binding(node="1", input="x", curve=((0.2, 1.0), (0.6, 3.0), (0.8, 2.0)))
    values = [bound_value(binding, v) for v in (0, 0.2, 0.4, 0.6, 0.7, 0.8, 1)]
    assert values == [1.0, 1.0, 2.0, 3.0, 2.5, 2.0, 2.0]


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_more_denoise_never_restores_less(one: float, other: float) -> None:
    pack = load_pack("restore_classic")
    parameter = pack.manifest.parameter("denoise")
    assert parameter is not None
    less, more = sorted((one, other))
    for binding in parameter.bindings:
        falls = binding.input == "value"  # a threshold finds more when it is lower
        low, high = (float(bound_value(binding, v)) for v in (less, more))
        assert (low >= high) if falls else (low <= high)


def test_one_value_may_go_to_several_nodes(
    make_pack: Callable[..., GraphPack], manifest: dict[str, Any]
) -> None:
    manifest["parameters"][0]["bindings"].append(
        {"node": "3", "input": "seed", "curve": [[0, 10], [1, 20]]}
    )
    manifest["parameters"].pop(1)
    graph = bound(make_pack(manifest), denoise=0.5).graph
    assert (graph["3"]["inputs"]["strength"], graph["3"]["inputs"]["seed"]) == (0.5, 15.0)


def test_a_curve_may_end_in_a_whole_number() -> None:
    binding = Binding(node="1", input="x", curve=((2, 1), (4, 2)), whole=True)
    values = [bound_value(binding, v) for v in (2, 3, 4)]
    assert values == [1, 2, 2]
    assert {type(v) for v in values} == {int}


@pytest.fixture
def texts(make_pack: Callable[..., GraphPack], manifest: dict[str, Any]) -> GraphPack:
    """The small pack with a text of up to ten characters."""
    text = {"name": "prompt", "type": "text", "description": "p", "default": "", "max_length": 10}
    manifest["parameters"][2] = {**text, "bindings": [{"node": "3", "input": "text"}]}
    return make_pack(manifest)


@pytest.mark.parametrize("text", ["", "ten letter", "é\nß 😀", '"{%date%}"'])
def test_a_text_goes_into_its_node_as_it_is(texts: GraphPack, text: str) -> None:
    assert bound(texts, prompt=text).graph["3"]["inputs"]["text"] == text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("eleven char", ParameterOutOfRange),
        ("a\x00b", InvalidRequest),
        ("a\x1b[0m", InvalidRequest),
        ("\ud800", InvalidRequest),
        (7, InvalidRequest),
    ],
    ids=["too long", "null", "escape", "half a pair", "number"],
)
def test_a_text_that_is_none_is_refused(
    texts: GraphPack, text: str | int, error: type[Exception]
) -> None:
    with pytest.raises(error, match="'prompt' must"):
        complete(texts, {"prompt": text}, seed=1)
