"""A manifest that makes no sense is refused before anybody can use it."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from comfy_graphs import GraphPack
from comfy_graphs.coherence import contradictions

MakePack = Callable[..., GraphPack]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"recorded_only": True}, "has bindings or is recorded only"),
        ({"bindings": []}, "has bindings or is recorded only"),
        ({"minimum": None}, "numbers, and only numbers, have bounds"),
        ({"options": ["a"]}, "only a choice, has options"),
        ({"max_length": 10}, "only a text, has a longest length"),
        ({"default": None}, "only a whole number can be drawn at random"),
        ({"bindings": [{"node": "3", "input": "x", "curve": [[0, 1]]}]}, "at least two points"),
        (
            {"bindings": [{"node": "3", "input": "x", "curve": [[1, 1], [0, 1]]}]},
            "from left to right",
        ),
        (
            {"bindings": [{"node": "3", "input": "x", "choices": {"true": 1}}]},
            "choose for every value",
        ),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_parameter_must_be_coherent(
    make_pack: MakePack, manifest: dict[str, Any], change: dict[str, Any], complaint: str
) -> None:
    manifest["parameters"][0].update(change)
    with pytest.raises(ValidationError, match=complaint):
        make_pack(manifest)


@pytest.mark.parametrize("choices", [{"true": "a"}, {"true": "a", "false": "b", "maybe": "c"}])
def test_a_boolean_chooses_for_both_its_values_only(
    make_pack: MakePack, manifest: dict[str, Any], choices: dict[str, str]
) -> None:
    manifest["parameters"][2]["bindings"][0]["choices"] = choices
    with pytest.raises(ValidationError, match="choose for every value"):
        make_pack(manifest)


def test_a_switch_has_no_curve(make_pack: MakePack, manifest: dict[str, Any]) -> None:
    manifest["parameters"][2]["bindings"] = [
        {"node": "3", "input": "text", "curve": [[0, 1], [1, 2]]}
    ]
    with pytest.raises(ValidationError, match="only a number follows a curve"):
        make_pack(manifest)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"verified": True}, "a verified model has a hash"),
        ({"sha256": "unknown"}, "pattern"),
        ({"verdict": "perhaps"}, "verdict"),
    ],
)
def test_a_model_is_described_honestly(
    make_pack: MakePack, manifest: dict[str, Any], change: dict[str, Any], complaint: str
) -> None:
    manifest["models"][0].update(change)
    with pytest.raises(ValidationError, match=complaint):
        make_pack(manifest)


def test_only_words_of_iptc_describe_the_origin(
    make_pack: MakePack, manifest: dict[str, Any]
) -> None:
    manifest["digital_source_type"] = "madeByHand"
    with pytest.raises(ValidationError, match="digital_source_type"):
        make_pack(manifest)


def test_a_sound_pack_has_no_contradictions(pack: GraphPack) -> None:
    assert contradictions(pack.manifest, pack.graph) == ()


def test_contradictions_between_manifest_and_graph_are_all_named(pack: GraphPack) -> None:
    graph = pack.graph
    graph["2"]["inputs"]["unet_name"] = "b.safetensors"
    graph["3"]["inputs"]["image"] = ["77", 0]
    del graph["3"]["inputs"]["seed"]
    graph["5"] = graph.pop("4")
    assert contradictions(pack.manifest, graph) == (
        "node 3 takes its image from node 77, which is not there",
        "the file name prefix goes to 4.filename_prefix, which is not there",
        "seed goes to 3.seed, which is not there",
        "the result comes from node 4, which is not there",
        "the graph loads b.safetensors, whose licence is not declared",
        "a.safetensors is declared but not loaded",
    )
