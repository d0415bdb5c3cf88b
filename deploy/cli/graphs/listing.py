"""`rekindle graphs list`."""

from typing import TYPE_CHECKING, Any

from deploy.cli.graphs.packs import chosen_packs
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported

if TYPE_CHECKING:
    from comfy_graphs import GraphPack


def list_packs(as_json: JsonOption = False) -> None:
    """List the installed packs: what for, on which GPU, under which licences."""
    with reported(as_json=as_json):
        packs = [summary(pack) for pack in chosen_packs()]
        if as_json:
            answer_json({"graphs": packs})
        else:
            _show(packs)


def summary(pack: "GraphPack") -> dict[str, Any]:
    """What one line says of a pack.

    `licence` is the strictest verdict on its models; `allowed` without any.
    """
    from comfy_graphs.manifest import Verdict

    manifest = pack.manifest
    verdicts = {model.verdict for model in manifest.models}
    strictest = (Verdict.NO, Verdict.CONDITIONAL, Verdict.ALLOWED)
    return {
        "name": pack.name,
        "title": manifest.title,
        "version": manifest.version,
        "purpose": manifest.purpose,
        "gpu_class": manifest.gpu_class.value,
        "vram_gb": manifest.vram_gb,
        "licence": next((v.value for v in strictest if v in verdicts), Verdict.ALLOWED.value),
        "models": len(manifest.models),
        "models_verified": sum(model.verified for model in manifest.models),
    }


def _show(packs: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "purpose", "class", "VRAM", "licence", "models verified", box=None)
    for pack in packs:
        verified = f"{pack['models_verified']} of {pack['models']}"
        table.add_row(
            pack["name"],
            pack["purpose"],
            pack["gpu_class"],
            f"{pack['vram_gb']:g} GB" if pack["vram_gb"] else "any CPU",
            pack["licence"],
            verified if pack["models"] else "needs none",
        )
    Console().print(table)
