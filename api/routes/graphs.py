"""Graphs: what can be asked of a restoration, an animation or a generation."""

from typing import Annotated

from fastapi import Query

from api import paths
from api.dependencies import AppSettings, AskedPods
from api.documents.graphs import GraphList, Purpose, graph_list
from api.graphs import (
    animation_packs,
    default_mode_pack,
    generation_packs,
    offered,
    restore_packs,
)
from api.identity import guarded_router
from api.problems import guarded_problems

router = guarded_router("graphs")

_PACKS = {
    Purpose.RESTORE: restore_packs,
    Purpose.ANIMATE: animation_packs,
    Purpose.GENERATE: generation_packs,
}


@router.get(paths.GRAPHS, responses=guarded_problems())
async def list_graphs(
    settings: AppSettings,
    pod_graphs: AskedPods,
    purpose: Annotated[Purpose | None, Query(description="Only graphs for this.")] = None,
) -> GraphList:
    """The graphs for restoring, animating and generating, with their parameters.

    Those are left out whose models no GPU of this service has.
    """
    packs = [pack for each in Purpose if purpose in (None, each) for pack in _PACKS[each]()]
    named = (settings.default_graph, settings.default_animation_graph)
    defaults = (*named, default_mode_pack().name)
    return graph_list(offered(packs, await pod_graphs.known()), defaults=defaults)
