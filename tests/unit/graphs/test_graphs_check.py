"""What a live server lacks for a pack, from its own answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from comfy_graphs import Finding, FindingKind, GraphPack, missing_from

MODELS = {"diffusion_models": ["a.safetensors"]}


@pytest.fixture
def object_info() -> dict[str, Any]:
    """The answer of a server that has all the small pack needs."""
    return {
        "LoadImage": {
            "input": {"required": {"image": [[], {"image_upload": True}]}},
            "output": ["IMAGE", "MASK"],
        },
        "UNETLoader": {
            "input": {
                "required": {"unet_name": [[]]},
                "optional": {"weight_dtype": [["default", "fp8"]]},
            },
            "output": ["MODEL"],
        },
        "Sampler": {
            "input": {
                "required": {
                    "model": ["MODEL"],
                    "image": ["IMAGE,LATENT"],
                    "strength": ["FLOAT", {"min": 0.0, "max": 1.0}],
                    "seed": ["INT", {"min": 0, "max": 100}],
                    "text": ["STRING", {"multiline": True}],
                }
            },
            "output": ["IMAGE"],
        },
        "SaveImage": {
            "input": {"required": {"images": ["IMAGE"], "filename_prefix": ["STRING", {}]}},
            "output": [],
        },
    }


def kinds(found: tuple[Finding, ...]) -> list[tuple[FindingKind, str, str]]:
    return [(f.kind, f.node, f.input) for f in found]


def test_a_fitting_server_lacks_nothing(pack: GraphPack, object_info: dict[str, Any]) -> None:
    assert missing_from(object_info, MODELS, pack) == ()


def test_a_missing_class_is_found_once(pack: GraphPack, object_info: dict[str, Any]) -> None:
    del object_info["Sampler"]
    assert kinds(missing_from(object_info, MODELS, pack)) == [(FindingKind.MISSING_CLASS, "3", "")]


@pytest.mark.parametrize("lists", [{}, {"diffusion_models": []}, {"vae": ["a.safetensors"]}])
def test_a_missing_model_is_named_with_its_folder(
    pack: GraphPack, object_info: dict[str, Any], lists: dict[str, list[str]]
) -> None:
    (found,) = missing_from(object_info, lists, pack)
    assert found.kind is FindingKind.MISSING_MODEL
    assert found.detail == "models/diffusion_models/a.safetensors is not on the server"


def test_an_input_the_server_has_come_to_require(
    pack: GraphPack, object_info: dict[str, Any]
) -> None:
    object_info["Sampler"]["input"]["required"]["steps"] = ["INT", {"min": 1}]
    found = missing_from(object_info, MODELS, pack)
    assert kinds(found) == [(FindingKind.REQUIRED_INPUT, "3", "steps")]


def test_an_input_the_server_no_longer_has(pack: GraphPack, object_info: dict[str, Any]) -> None:
    del object_info["Sampler"]["input"]["required"]["text"]
    found = missing_from(object_info, MODELS, pack)
    assert kinds(found) == [(FindingKind.UNKNOWN_INPUT, "3", "text")]


def test_a_range_narrower_than_what_callers_may_set(
    pack: GraphPack, object_info: dict[str, Any]
) -> None:
    object_info["Sampler"]["input"]["required"]["strength"] = ["FLOAT", {"min": 0.1, "max": 0.9}]
    found = missing_from(object_info, MODELS, pack)
    assert kinds(found) == [(FindingKind.OUT_OF_RANGE, "3", "strength")] * 2
    assert [f.detail for f in found] == ["0 is outside 0.1..0.9", "1 is outside 0.1..0.9"]


def test_a_written_value_out_of_range(
    make_pack: Callable[..., GraphPack], pack: GraphPack, object_info: dict[str, Any]
) -> None:
    graph = pack.graph
    graph["3"]["inputs"]["strength"] = -1
    found = missing_from(object_info, MODELS, make_pack(graph=graph))
    assert kinds(found) == [(FindingKind.OUT_OF_RANGE, "3", "strength")]


@pytest.mark.parametrize(
    "declaration", [[["nearest", "area"], {}], ["COMBO", {"options": ["nearest", "area"]}]]
)
def test_an_option_the_server_does_not_have_in_either_form(
    make_pack: Callable[..., GraphPack],
    pack: GraphPack,
    object_info: dict[str, Any],
    declaration: list[Any],
) -> None:
    object_info["Sampler"]["input"]["optional"] = {"method": declaration}
    graph = pack.graph
    graph["3"]["inputs"]["method"] = "area"
    assert missing_from(object_info, MODELS, make_pack(graph=graph)) == ()
    graph["3"]["inputs"]["method"] = "lanczos"
    (found,) = missing_from(object_info, MODELS, make_pack(graph=graph))
    assert found.kind is FindingKind.NOT_AN_OPTION
    assert found.detail == "'lanczos' is none of nearest, area"


def test_an_option_that_a_choice_would_send(pack: GraphPack, object_info: dict[str, Any]) -> None:
    object_info["Sampler"]["input"]["required"]["text"] = [["t", "colour"], {}]
    found = missing_from(object_info, MODELS, pack)
    assert [f.detail for f in found] == ["'as it is' is none of t, colour"]


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [(["MASK"], FindingKind.WRONG_TYPE), ([], FindingKind.MISSING_OUTPUT)],
)
def test_a_link_whose_giver_has_changed(
    pack: GraphPack, object_info: dict[str, Any], outputs: list[str], kind: FindingKind
) -> None:
    object_info["LoadImage"]["output"] = outputs
    assert kinds(missing_from(object_info, MODELS, pack)) == [(kind, "3", "image")]


def test_a_giver_of_anything_fits_everywhere(pack: GraphPack, object_info: dict[str, Any]) -> None:
    object_info["LoadImage"]["output"] = ["*"]
    assert missing_from(object_info, MODELS, pack) == ()


def test_a_text_where_a_number_is_needed(
    make_pack: Callable[..., GraphPack], pack: GraphPack, object_info: dict[str, Any]
) -> None:
    graph = json.loads(pack.graph_text)
    graph["3"]["inputs"]["seed"] = "one"
    found = missing_from(object_info, MODELS, make_pack(graph=graph))
    assert kinds(found) == [(FindingKind.WRONG_TYPE, "3", "seed")]
