"""Which installed packs restore, animate and generate, and their parameters from a request."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from uuid import UUID

from comfy_graphs import GraphPack, complete, installed_packs, load_pack
from comfy_graphs.manifest import ParameterType
from rekindle.contracts.renders import Parameters
from rekindle.errors import GraphUnavailable, InvalidRequest, UnknownGraph, UnknownMode
from rekindle.rules.graphs import Runnable, is_offered

LARGEST_SEED = 2**53 - 1
"""The largest integer that every JSON client keeps (RFC 8259, section 6)."""

DEFAULT_MODE = "free"
"""The mode of a request that names none."""

NOTHING_KNOWN: Runnable = MappingProxyType({})
"""Of no pod what it can run."""


def restore_packs() -> list[GraphPack]:
    """The packs that may be used for restoring, by name."""
    return _packs("restore")


def animation_packs() -> list[GraphPack]:
    """The packs that may be used for animating, by name."""
    return _packs("animate")


def restore_pack(name: str, known: Runnable = NOTHING_KNOWN) -> GraphPack:
    """The pack of that name, for restoring; also one that is not offered.

    Raises:
        UnknownGraph: there is none; its text lists those that are offered.
    """
    return _pack(name, restore_packs(), "restoring", known)


def animation_pack(name: str, known: Runnable = NOTHING_KNOWN) -> GraphPack:
    """The pack of that name, for animating; also one that is not offered.

    Raises:
        UnknownGraph: there is none; its text lists those that are offered.
    """
    return _pack(name, animation_packs(), "animating", known)


def mode_packs() -> dict[str, GraphPack]:
    """The packs that pictures are generated with, by the names of their modes."""
    packs = [load_pack(name) for name in installed_packs()]
    return {mode: p for p in packs if p.manifest.is_licensed for mode in p.manifest.modes}


def generation_packs() -> list[GraphPack]:
    """The packs that are for generating alone, by name."""
    return _packs("generate")


def default_mode_pack() -> GraphPack:
    """The pack of a request that names no mode."""
    return mode_pack(DEFAULT_MODE)


def mode_pack(mode: str) -> GraphPack:
    """The pack of a mode; also one that is not offered.

    Raises:
        UnknownMode: there is none; its text lists those there are.
    """
    packs = mode_packs()
    if mode not in packs:
        raise UnknownMode(f"There is no mode of that name; there are: {', '.join(packs)}.")
    return packs[mode]


def texts(pack: GraphPack, values: Parameters) -> str:
    """Everything in words among parameters, line by line: what is to be judged."""
    wanted = [p.name for p in pack.manifest.parameters if p.type is ParameterType.TEXT]
    return "\n".join(str(values[name]) for name in wanted if values[name])


def require_prompt(values: Parameters) -> None:
    """Refuse a picture of no words, where there is a parameter for them.

    Raises:
        InvalidRequest: says so.
    """
    prompt = values.get("prompt")
    if isinstance(prompt, str) and not prompt.strip():
        raise InvalidRequest("Say in `prompt` what the picture shows.")


def offered(packs: Iterable[GraphPack], known: Runnable) -> list[GraphPack]:
    """Those of the packs that can be asked for."""
    return [pack for pack in packs if _is_offered(pack, known)]


def require_offered(pack: GraphPack, known: Runnable) -> None:
    """Refuse a pack that no pod can run.

    Raises:
        GraphUnavailable: says which backend it needs.
    """
    if not _is_offered(pack, known):
        models = ", ".join(PurePosixPath(model.file).name for model in pack.manifest.models)
        raise GraphUnavailable(
            f"No machine of this service can run {pack.name} at present: it needs a GPU with "
            f"{pack.manifest.vram_gb:g} GB of memory and these models: {models}."
        )


def typical_seconds() -> dict[str, float]:
    """How long each installed pack says that it takes, by its name."""
    packs = (load_pack(name) for name in installed_packs())
    return {pack.name: pack.manifest.typical_seconds for pack in packs}


def parameters(
    pack: GraphPack,
    given: Mapping[str, bool | int | float | str],
    *,
    attempt_id: UUID,
    has_photo: bool = True,
) -> Parameters:
    """Every value the graph runs with: as given, else the pack's default.

    Args:
        pack: of the graph.
        given: what was set, by name.
        attempt_id: whose chance decides the seed as well: the same attempt, the same seed.
        has_photo: whether there is one to work on.

    Raises:
        InvalidRequest: a parameter the pack does not have, or of the wrong type; or the pack needs
            a photo.
        ParameterOutOfRange: a value outside its bounds.
    """
    return complete(pack, given, seed=attempt_id.int & LARGEST_SEED, has_photo=has_photo)


def _packs(purpose: str) -> list[GraphPack]:
    packs = [load_pack(name) for name in installed_packs()]
    return [p for p in packs if p.manifest.purpose == purpose and p.manifest.is_licensed]


def _is_offered(pack: GraphPack, known: Runnable) -> bool:
    manifest = pack.manifest
    return is_offered(pack.name, manifest.gpu_class, known, needs_models=bool(manifest.models))


def _pack(name: str, packs: list[GraphPack], use: str, known: Runnable) -> GraphPack:
    for pack in packs:
        if pack.name == name:
            return pack
    available = ", ".join(pack.name for pack in offered(packs, known))
    raise UnknownGraph(f"There is no graph of that name for {use}; there are: {available}.")
