"""Every installed pack against what ComfyUI 0.3.64 says of its nodes.

`core_nodes_0_3_64.json` holds types, ranges and options from the `/object_info` of that server,
for the classes that packs use.
"""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from comfy_graphs import GraphPack, bind, complete, installed_packs, load_pack, missing_from
from comfy_graphs.manifest import ParameterType

OBJECT_INFO: dict[str, Any] = json.loads(
    Path(__file__).with_name("core_nodes_0_3_64.json").read_text("utf-8")
)
PACKS = installed_packs()
CLIPS = [name for name in PACKS if load_pack(name).manifest.sequence]


def models_of(pack: GraphPack) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for model in pack.manifest.models:
        lists.setdefault(model.folder, []).append(model.file)
    return lists


@pytest.mark.parametrize("name", PACKS)
def test_comfyui_has_every_node_input_range_and_option(name: str) -> None:
    pack = load_pack(name)
    assert missing_from(OBJECT_INFO, models_of(pack), pack) == ()


@pytest.mark.parametrize("name", CLIPS)
def test_comfyui_takes_the_longest_and_the_shortest_clip_of_every_motion(name: str) -> None:
    pack = load_pack(name)
    motion = pack.manifest.parameter("motion")
    assert motion is not None
    whole = [p for p in pack.manifest.parameters if p.type is ParameterType.INTEGER]
    for path, end in product(motion.options, ("minimum", "maximum")):
        given = {p.name: int(getattr(p, end)) for p in whole}
        values = complete(pack, {"motion": path, **given}, seed=1)
        bound = bind(pack, values, photo="a.png", filename_prefix="out")
        unrolled = pack.manifest.model_copy(update={"parameters": (), "sequence": None})
        assert missing_from(OBJECT_INFO, {}, GraphPack(unrolled, json.dumps(bound.graph))) == ()


def test_no_fact_is_kept_that_no_pack_needs() -> None:
    used = {body["class_type"] for name in PACKS for body in load_pack(name).graph.values()}
    assert used == OBJECT_INFO.keys()
