"""The small ComfyUI drawing test cards where a graph would use models."""

from comfy_graphs import load_pack


def drawing_cards(*packs: str) -> tuple[str, ...]:
    """Its arguments: it says that it has the models of these packs, so they are offered.

    Args:
        packs: their names.
    """
    models = {
        f"{model.folder}/{model.file}"
        for name in packs
        for model in load_pack(name).manifest.models
    }
    return ("--models-mode", "test-card", *(f"--model={model}" for model in sorted(models)))
