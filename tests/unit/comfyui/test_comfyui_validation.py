"""What the engine says about bad graphs, in ComfyUI's words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.comfyui.engine.validation import Verdict, validate
from simulators.comfyui.folders import Folders
from simulators.comfyui.nodes.declare import Surroundings
from simulators.comfyui.nodes.registry import NodeCatalog
from simulators.comfyui.options import ModelFile, ModelsMode
from simulators.comfyui.shelf import ModelShelf

Graph = dict[str, Any]


@pytest.fixture
def make_catalog(tmp_path: Path) -> Callable[..., NodeCatalog]:
    def make(mode: ModelsMode = ModelsMode.NONE, *models: ModelFile) -> NodeCatalog:
        folders = Folders(tmp_path)
        folders.prepare()
        shelf = ModelShelf(folders, mode)
        shelf.place(models)
        return NodeCatalog(Surroundings(folders, shelf))

    return make


@pytest.fixture
def catalog(make_catalog: Callable[..., NodeCatalog]) -> NodeCatalog:
    return make_catalog()


def scaled(**changes: Any) -> Graph:
    """EmptyImage > ImageScale > SaveImage, with inputs of the middle node changed."""
    inputs = {"image": ["e", 0], "upscale_method": "area", "width": 8, "height": 8}
    return {
        "e": node("EmptyImage", width=8, height=8, batch_size=1, color=0),
        "x": {"class_type": "ImageScale", "inputs": inputs | {"crop": "disabled"} | changes},
        "s": node("SaveImage", images=["x", 0], filename_prefix="out"),
    }


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def problem(verdict: Verdict, node_id: str = "x") -> dict[str, Any]:
    """The only problem of the only bad node."""
    assert verdict.error is not None
    assert verdict.error["type"] == "prompt_outputs_failed_validation"
    assert list(verdict.node_errors) == [node_id]
    (found,) = verdict.node_errors[node_id]["errors"]
    return dict(found)


def test_good_graph_names_its_outputs(catalog: NodeCatalog) -> None:
    assert validate(scaled(), catalog, None) == Verdict(["s"])


@pytest.mark.parametrize(
    ("graph", "kind", "details"),
    [
        ({}, "prompt_no_outputs", ""),
        ({"e": node("EmptyImage")}, "prompt_no_outputs", ""),
        ({"7": {"inputs": {}}}, "invalid_prompt", "Node ID '#7'"),
        ({"7": node("NoSuchNode")}, "invalid_prompt", "Node ID '#7'"),
    ],
)
def test_graph_that_is_no_graph_is_refused_whole(
    catalog: NodeCatalog, graph: Graph, kind: str, details: str
) -> None:
    verdict = validate(graph, catalog, None)
    assert verdict.error is not None
    assert (verdict.error["type"], verdict.error["details"]) == (kind, details)
    assert verdict.node_errors == {}


@pytest.mark.parametrize(
    ("changes", "kind", "details"),
    [
        ({"width": -1}, "value_smaller_than_min", "width"),
        ({"width": 99999}, "value_bigger_than_max", "width"),
        ({"width": [1, 2, 3]}, "bad_linked_input", "width"),
        (
            {"upscale_method": "nope"},
            "value_not_in_list",
            "upscale_method: 'nope' not in "
            "['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']",
        ),
        ({"width": ["e", 0]}, "return_type_mismatch", None),
        ({"width": "many"}, "invalid_input_type", None),
    ],
)
def test_bad_value_is_named(
    catalog: NodeCatalog, changes: dict[str, Any], kind: str, details: str | None
) -> None:
    found = problem(validate(scaled(**changes), catalog, None))
    assert found["type"] == kind
    assert found["extra_info"]["input_name"] == next(iter(changes))
    if details is not None:
        assert found["details"] == details


def test_missing_input_is_not_filled_with_its_default(catalog: NodeCatalog) -> None:
    graph = scaled()
    del graph["x"]["inputs"]["width"]
    found = problem(validate(graph, catalog, None))
    assert (found["type"], found["details"]) == ("required_input_missing", "width")


def test_values_are_converted_in_the_graph(catalog: NodeCatalog) -> None:
    graph = scaled(width="16", height={"__value__": 7.9})
    assert validate(graph, catalog, None).error is None
    assert graph["x"]["inputs"]["width"] == 16
    assert graph["x"]["inputs"]["height"] == 7


def test_long_list_of_options_is_not_sent_back(catalog: NodeCatalog) -> None:
    graph = {
        "k": node("KSamplerSelect", sampler_name="nope"),
        "p": node("PreviewAny", source=["k", 0]),
    }
    found = problem(validate(graph, catalog, None), "k")
    assert found["details"] == "sampler_name: 'nope' not in (list of length 42)"
    assert found["extra_info"]["input_config"] is None


def test_v3_options_are_not_checked(catalog: NodeCatalog) -> None:
    graph = scaled()
    inputs = {"image": ["e", 0], "upscale_method": "nope", "megapixels": 1.0}
    graph["x"] = {"class_type": "ImageScaleToTotalPixels", "inputs": inputs}
    assert validate(graph, catalog, None).error is None


def test_missing_picture_is_reported_on_its_node(catalog: NodeCatalog) -> None:
    graph = {
        "1": node("LoadImage", image="does_not_exist.png"),
        "2": node("SaveImage", images=["1", 0], filename_prefix="out"),
    }
    verdict = validate(graph, catalog, None)
    assert verdict.error is not None
    assert verdict.error["details"] == ""
    assert verdict.node_errors == {
        "1": {
            "errors": [
                {
                    "type": "custom_validation_failed",
                    "message": "Custom validation failed for node",
                    "details": "image - Invalid image file: does_not_exist.png",
                    "extra_info": {"input_name": "image"},
                }
            ],
            "dependent_outputs": ["2"],
            "class_type": "LoadImage",
        }
    }


def test_picture_outside_the_options_is_fine_if_the_file_exists(
    catalog: NodeCatalog, tmp_path: Path
) -> None:
    (tmp_path / "input" / "jobs").mkdir()
    (tmp_path / "input" / "jobs" / "p.png").touch()
    graph = {
        "1": node("LoadImage", image="jobs/p.png"),
        "2": node("PreviewImage", images=["1", 0]),
    }
    assert validate(graph, catalog, None).error is None


def test_link_to_an_absent_node_is_an_exception_of_the_node_that_has_it(
    catalog: NodeCatalog,
) -> None:
    found = problem(validate(scaled(image=["zz", 0]), catalog, None))
    assert found["type"] == "exception_during_inner_validation"
    assert found["details"] == "'zz'"
    assert found["extra_info"]["exception_type"] == "KeyError"


def test_link_of_an_output_node_to_an_absent_node(catalog: NodeCatalog) -> None:
    graph = {"s": node("SaveImage", images=["zz", 0], filename_prefix="out")}
    assert problem(validate(graph, catalog, None), "s")["type"] == "exception_during_validation"


def test_link_beyond_the_outputs_of_a_node(catalog: NodeCatalog) -> None:
    found = problem(validate(scaled(image=["e", 7]), catalog, None))
    assert found["extra_info"]["exception_type"] == "IndexError"


def test_cycle_is_refused_without_naming_anything(catalog: NodeCatalog) -> None:
    graph = {
        "a": node("ImageInvert", image=["b", 0]),
        "b": node("ImageInvert", image=["a", 0]),
        "s": node("SaveImage", images=["a", 0], filename_prefix="out"),
    }
    verdict = validate(graph, catalog, None)
    assert verdict.error is not None
    assert verdict.error["type"] == "prompt_outputs_failed_validation"
    assert verdict.error["details"] == ""
    assert verdict.node_errors == {}


def test_one_good_branch_carries_the_prompt_and_the_bad_one_is_reported(
    catalog: NodeCatalog,
) -> None:
    graph = scaled() | {
        "9": node("LoadImage", image="nope.png"),
        "8": node("SaveImage", images=["9", 0], filename_prefix="bad"),
    }
    verdict = validate(graph, catalog, None)
    assert verdict.error is None
    assert verdict.outputs == ["s"]
    assert verdict.node_errors["9"]["dependent_outputs"] == ["8"]


def test_only_asked_outputs_count(catalog: NodeCatalog) -> None:
    graph = scaled() | {"p": node("PreviewImage", images=["e", 0])}
    assert validate(graph, catalog, ["p"]).outputs == ["p"]
    nothing = validate(graph, catalog, []).error
    assert nothing is not None
    assert nothing["type"] == "prompt_no_outputs"


CHECKPOINT = ModelFile("checkpoints", "sd15.safetensors")


def checkpoint_graph(name: str = CHECKPOINT.name) -> Graph:
    return {
        "c": node("CheckpointLoaderSimple", ckpt_name=name),
        "t": node("CLIPTextEncode", text="x", clip=["c", 1]),
        "p": node("PreviewAny", source=["t", 0]),
    }


def test_missing_model_file_is_a_value_not_in_list(catalog: NodeCatalog) -> None:
    found = problem(validate(checkpoint_graph(), catalog, None), "c")
    assert found["type"] == "value_not_in_list"
    assert found["details"] == "ckpt_name: 'sd15.safetensors' not in []"


@pytest.mark.parametrize("mode", list(ModelsMode))
def test_placed_model_file_is_listed_in_every_mode(
    make_catalog: Callable[..., NodeCatalog], mode: ModelsMode
) -> None:
    catalog = make_catalog(mode, CHECKPOINT)
    assert validate(checkpoint_graph(), catalog, None).error is None


def test_test_cards_stand_in_for_any_model_name_but_for_no_other_option(
    make_catalog: Callable[..., NodeCatalog],
) -> None:
    catalog = make_catalog(ModelsMode.TEST_CARD)
    assert validate(checkpoint_graph("whatever.safetensors"), catalog, None).error is None
    graph = {
        "u": node("UNETLoader", unet_name="any.safetensors", weight_dtype="nope"),
        "p": node("PreviewAny", source=["u", 0]),
    }
    assert problem(validate(graph, catalog, None), "u")["extra_info"]["received_value"] == "nope"


def test_listed_mode_knows_only_files(make_catalog: Callable[..., NodeCatalog]) -> None:
    catalog = make_catalog(ModelsMode.LISTED, CHECKPOINT)
    verdict = validate(checkpoint_graph("other.safetensors"), catalog, None)
    assert problem(verdict, "c")["type"] == "value_not_in_list"
