"""No paid work with a model that may not be used for it."""

from collections.abc import Callable
from typing import Any

import pytest

from comfy_graphs import GraphPack, require_licensed, restricted_models
from rekindle.errors import GraphNotLicensed

MakePack = Callable[..., GraphPack]


def test_a_pack_with_allowed_models_passes(pack: GraphPack) -> None:
    require_licensed(pack)
    assert pack.manifest.is_licensed


@pytest.mark.parametrize("verdict", ["conditional", "no"])
def test_any_other_verdict_is_refused_by_name(
    make_pack: MakePack, manifest: dict[str, Any], verdict: str
) -> None:
    manifest["models"][0].update(verdict=verdict, licence="S-Lab 1.0")
    pack = make_pack(manifest)
    with pytest.raises(GraphNotLicensed, match=rf"a\.safetensors.*S-Lab 1\.0.*'{verdict}'"):
        require_licensed(pack)
    assert not pack.manifest.is_licensed
    assert [m.file for m in restricted_models(pack)] == ["a.safetensors"]


def test_a_setting_lets_a_restricted_pack_pass(
    make_pack: MakePack, manifest: dict[str, Any]
) -> None:
    manifest["models"][0]["verdict"] = "no"
    require_licensed(make_pack(manifest), allow_restricted=True)
