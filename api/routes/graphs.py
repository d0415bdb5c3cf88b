"""Graphs: what can be asked of a restoration."""

from api import paths
from api.dependencies import AppSettings
from api.documents.graphs import GraphList, graph_list
from api.graphs import restore_packs
from api.identity import guarded_router
from api.problems import guarded_problems

router = guarded_router("graphs")


@router.get(paths.GRAPHS, responses=guarded_problems())
async def list_graphs(settings: AppSettings) -> GraphList:
    """The graphs for restoring, with their parameters."""
    return graph_list(restore_packs(), default=settings.default_graph)
