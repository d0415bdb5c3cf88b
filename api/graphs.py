"""Which installed packs restore and animate, and their parameters from a request."""

from collections.abc import Mapping
from uuid import UUID

from comfy_graphs import GraphPack, complete, installed_packs, load_pack
from rekindle.contracts.renders import Parameters
from rekindle.errors import UnknownGraph

LARGEST_SEED = 2**53 - 1
"""The largest integer that every JSON client keeps (RFC 8259, section 6)."""


def restore_packs() -> list[GraphPack]:
    """The packs that may be used for restoring, by name."""
    return _packs("restore")


def animation_packs() -> list[GraphPack]:
    """The packs that may be used for animating, by name."""
    return _packs("animate")


def restore_pack(name: str) -> GraphPack:
    """The pack of that name, for restoring.

    Raises:
        UnknownGraph: there is none; its text lists those there are.
    """
    return _pack(name, restore_packs(), "restoring")


def animation_pack(name: str) -> GraphPack:
    """The pack of that name, for animating.

    Raises:
        UnknownGraph: there is none; its text lists those there are.
    """
    return _pack(name, animation_packs(), "animating")


def typical_seconds() -> dict[str, float]:
    """How long each installed pack says that it takes, by its name."""
    packs = (load_pack(name) for name in installed_packs())
    return {pack.name: pack.manifest.typical_seconds for pack in packs}


def parameters(
    pack: GraphPack, given: Mapping[str, bool | int | float | str], *, attempt_id: UUID
) -> Parameters:
    """Every value the graph runs with: as given, else the pack's default.

    Args:
        pack: of the graph.
        given: what was set, by name.
        attempt_id: whose chance decides the seed as well: the same attempt, the same seed.

    Raises:
        InvalidRequest: a parameter the pack does not have, or of the wrong type.
        ParameterOutOfRange: a value outside its bounds.
    """
    return complete(pack, given, seed=attempt_id.int & LARGEST_SEED)


def _packs(purpose: str) -> list[GraphPack]:
    packs = [load_pack(name) for name in installed_packs()]
    return [p for p in packs if p.manifest.purpose == purpose and p.manifest.is_licensed]


def _pack(name: str, packs: list[GraphPack], use: str) -> GraphPack:
    for pack in packs:
        if pack.name == name:
            return pack
    available = ", ".join(pack.name for pack in packs)
    raise UnknownGraph(f"There is no graph of that name for {use}; there are: {available}.")
