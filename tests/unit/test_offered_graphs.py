"""Which graphs are offered: the rule, and how packs are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import graphs
from comfy_graphs import installed_packs, load_pack
from rekindle.errors import GraphUnavailable, UnknownGraph
from rekindle.rules.graphs import CheckedPod, is_offered, runnable

NAMES = ("restore", "colorize", "restore_classic")
checked_pods = st.lists(
    st.builds(
        CheckedPod,
        gpu_class=st.sampled_from(["image", "video"]),
        graphs=st.frozensets(st.sampled_from(NAMES)),
        is_open=st.booleans(),
    )
)


def pod(*names: str, is_open: bool = True, gpu_class: str = "image") -> CheckedPod:
    return CheckedPod(gpu_class, frozenset(names), is_open)


def test_open_pods_know_together_what_can_be_run() -> None:
    known = runnable([pod("restore"), pod("colorize"), pod("restore_classic", is_open=False)])
    assert known == {"image": {"restore", "colorize"}}


def test_where_no_pod_is_open_the_last_ones_count() -> None:
    known = runnable([pod("animate", gpu_class="video", is_open=False), pod("restore")])
    assert known == {"image": {"restore"}, "video": {"animate"}}


@given(checked_pods)
def test_a_graph_that_an_open_pod_can_run_is_offered(pods: list[CheckedPod]) -> None:
    known = runnable(pods)
    for each in pods:
        for name in each.graphs if each.is_open else ():
            assert is_offered(name, each.gpu_class, known, needs_models=True)


@given(checked_pods, st.sampled_from(NAMES), st.sampled_from(["image", "video"]))
def test_a_graph_is_withheld_only_where_pods_were_asked_and_none_can_run_it(
    pods: list[CheckedPod], name: str, gpu_class: str
) -> None:
    known = runnable(pods)
    assert is_offered(name, gpu_class, known, needs_models=False)
    if not is_offered(name, gpu_class, known, needs_models=True):
        asked = [each for each in pods if each.gpu_class == gpu_class]
        assert asked
        assert not any(name in each.graphs for each in asked if each.is_open)


@pytest.mark.parametrize("name", installed_packs())
def test_who_asks_for_a_withheld_graph_is_told_which_backend_it_needs(name: str) -> None:
    pack = load_pack(name)
    nothing = {pack.manifest.gpu_class.value: frozenset[str]()}
    if not pack.manifest.models:
        graphs.require_offered(pack, nothing)
        return
    with pytest.raises(GraphUnavailable) as refusal:
        graphs.require_offered(pack, nothing)
    detail = refusal.value.public_detail
    assert name in detail
    assert f"{pack.manifest.vram_gb:g} GB" in detail
    for model in pack.manifest.models:
        assert model.file.rpartition("/")[2] in detail
    assert "/" not in detail
    graphs.require_offered(pack, {pack.manifest.gpu_class.value: frozenset({name})})


def test_who_asks_for_an_unknown_graph_is_told_only_those_that_are_offered() -> None:
    with pytest.raises(UnknownGraph) as refusal:
        graphs.restore_pack("undress", {"image": frozenset()})
    assert str(refusal.value).endswith("there are: restore_classic.")
