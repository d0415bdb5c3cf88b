"""The licence gate: no paid work with a model that may not be used for it. Pure."""

from comfy_graphs.manifest import ModelFile, Verdict
from comfy_graphs.pack import GraphPack
from rekindle.errors import GraphNotLicensed


def restricted_models(pack: GraphPack) -> tuple[ModelFile, ...]:
    """The model files of a pack whose verdict is not `allowed`."""
    return tuple(m for m in pack.manifest.models if m.verdict is not Verdict.ALLOWED)


def require_licensed(pack: GraphPack, *, allow_restricted: bool = False) -> None:
    """Let a pack pass when each of its models may be used, or when a setting says so.

    Args:
        pack: what is to be run.
        allow_restricted: the operator holds the licences, or takes no money.

    Raises:
        GraphNotLicensed: names the file, its licence and the verdict.
    """
    for model in () if allow_restricted else restricted_models(pack):
        raise GraphNotLicensed(
            f"The graph '{pack.name}' needs {model.file}, whose licence ({model.licence}) "
            f"is '{model.verdict}' for a paid service."
        )
