"""A graph that paints a photo anew, or a picture of words alone."""

import pytest

from comfy_graphs import bind, complete, load_pack
from comfy_graphs.styles import STYLES, Style
from rekindle.errors import InvalidRequest, ParameterOutOfRange

PACK = load_pack("generate")
WORDS = {"prompt": "A harbour at dawn."}


def test_without_a_photo_the_graph_begins_with_nothing_and_loads_no_file() -> None:
    values = complete(PACK, {**WORDS, "shape": "wide"}, seed=3, has_photo=False)
    graph = bind(PACK, values, photo=None, filename_prefix="out").graph
    classes = {node["class_type"] for node in graph.values()}
    assert {"LoadImage", "VAEEncode"}.isdisjoint(classes)
    sampler = graph["3"]["inputs"]
    start = graph[sampler["latent_image"][0]]
    assert start["class_type"] == "EmptySD3LatentImage"
    assert (start["inputs"]["width"], start["inputs"]["height"]) == (1664, 928)
    assert (values["denoise"], sampler["denoise"], sampler["seed"]) == (1.0, 1.0, 3)


def test_with_a_photo_it_begins_with_that_and_keeps_of_it_what_is_asked_for() -> None:
    values = complete(PACK, {**WORDS, "denoise": 0.4}, seed=3)
    graph = bind(PACK, values, photo="a.png", filename_prefix="out").graph
    assert "EmptySD3LatentImage" not in {node["class_type"] for node in graph.values()}
    assert graph["78"]["inputs"]["image"] == "a.png"
    assert graph[graph["3"]["inputs"]["latent_image"][0]]["class_type"] == "VAEEncode"
    assert graph["3"]["inputs"]["denoise"] == 0.4


def test_there_is_nothing_to_keep_of_a_photo_that_is_not_there() -> None:
    with pytest.raises(ParameterOutOfRange, match="denoise"):
        complete(PACK, {**WORDS, "denoise": 0.4}, seed=1, has_photo=False)
    with_photo = complete(PACK, WORDS, seed=1)
    with pytest.raises(ParameterOutOfRange, match="denoise"):
        bind(PACK, with_photo, photo=None, filename_prefix="out")


def test_a_pack_that_works_on_a_photo_is_not_run_without_one() -> None:
    restore = load_pack("restore")
    with pytest.raises(InvalidRequest, match="works on a photo"):
        complete(restore, {}, seed=1, has_photo=False)
    with pytest.raises(InvalidRequest, match="works on a photo"):
        bind(restore, complete(restore, {}, seed=1), photo=None, filename_prefix="out")


def test_how_a_picture_came_about_depends_on_whether_there_was_a_photo() -> None:
    assert PACK.manifest.origin(has_photo=False) == "trainedAlgorithmicMedia"
    assert PACK.manifest.origin(has_photo=True) == "compositeWithTrainedAlgorithmicMedia"
    classic = load_pack("restore_classic").manifest
    assert {classic.origin(has_photo=each) for each in (True, False)} == {"algorithmicallyEnhanced"}


@pytest.mark.parametrize("style", list(Style), ids=str)
def test_the_words_of_a_style_stand_behind_those_of_the_person(style: Style) -> None:
    values = complete(PACK, {**WORDS, "style": style}, seed=1)
    assert values["style"] == style  # the name is recorded, not the words
    graph = bind(PACK, values, photo="a.png", filename_prefix="out").graph
    wanted, unwanted = graph["100"]["inputs"], graph["101"]["inputs"]
    assert (wanted["string_a"], wanted["string_b"]) == (WORDS["prompt"], STYLES[style].wanted)
    assert unwanted["string_b"] == STYLES[style].unwanted
    assert bool(STYLES[style].wanted) == bool(STYLES[style].unwanted) == (style is not Style.NONE)


def test_every_style_is_offered_and_an_unknown_one_is_answered_with_those_there_are() -> None:
    style = PACK.manifest.parameter("style")
    assert style is not None
    assert set(style.options) == STYLES.keys() == set(Style)
    with pytest.raises(ParameterOutOfRange, match="watercolour"):
        complete(PACK, {**WORDS, "style": "undressed"}, seed=1)
