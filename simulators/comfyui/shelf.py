"""The model files a graph can name, and whether a loader may use them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from simulators.comfyui.folders import Folders
from simulators.comfyui.options import ModelFile, ModelsMode

_WEIGHTS = frozenset((".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"))
_ANYTHING: frozenset[str] = frozenset()

# Folder names and their order as /models lists them at 0.3.64. A folder maps to the
# directories relative to models/ that it reads and to the extensions it shows.
_FOLDERS: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "checkpoints": (("checkpoints", "../output/checkpoints"), _WEIGHTS),
    "configs": (("configs",), frozenset((".yaml",))),
    "loras": (("loras", "../output/loras"), _WEIGHTS),
    "vae": (("vae", "../output/vae"), _WEIGHTS),
    "text_encoders": (("text_encoders", "clip", "../output/clip"), _WEIGHTS),
    "diffusion_models": (("unet", "diffusion_models", "../output/diffusion_models"), _WEIGHTS),
    "clip_vision": (("clip_vision",), _WEIGHTS),
    "style_models": (("style_models",), _WEIGHTS),
    "embeddings": (("embeddings",), _WEIGHTS),
    "diffusers": (("diffusers",), frozenset(("folder",))),
    "vae_approx": (("vae_approx",), _WEIGHTS),
    "controlnet": (("controlnet", "t2i_adapter"), _WEIGHTS),
    "gligen": (("gligen",), _WEIGHTS),
    "upscale_models": (("upscale_models",), _WEIGHTS),
    "custom_nodes": (("../custom_nodes",), _ANYTHING),
    "hypernetworks": (("hypernetworks",), _WEIGHTS),
    "photomaker": (("photomaker",), _WEIGHTS),
    "classifiers": (("classifiers",), frozenset(("",))),
    "model_patches": (("model_patches",), _WEIGHTS),
    "audio_encoders": (("audio_encoders",), _WEIGHTS),
}
_LEGACY = {"unet": "diffusion_models", "clip": "text_encoders"}


class UnusableWeights(Exception):
    """A model file exists but holds no weights this engine could read."""

    wire_name = "safetensors._safetensors_rust.SafetensorError"


class ModelShelf:
    """Lists model files and answers loaders."""

    def __init__(self, folders: Folders, mode: ModelsMode) -> None:
        self._folders = folders
        self.mode = mode

    @property
    def accepts_any_name(self) -> bool:
        """Whether validation lets unlisted model names through."""
        return self.mode is ModelsMode.TEST_CARD

    def folder_names(self) -> list[str]:
        """Folder names in the order of GET /models."""
        return list(_FOLDERS)

    def directories(self, folder: str) -> list[str]:
        """Absolute directories that a folder reads."""
        return [os.path.normpath(self._folders.models / part) for part in _FOLDERS[folder][0]]

    def names(self, folder: str) -> list[str]:
        """Model files of a folder, sorted, with subfolders in the name; read anew each time."""
        extensions = _FOLDERS[folder][1]
        found: set[str] = set()
        for directory in self.directories(folder):
            for path, _, files in os.walk(directory):
                found.update(
                    os.path.relpath(os.path.join(path, name), directory)
                    for name in files
                    if not extensions or os.path.splitext(name)[1].lower() in extensions
                )
        return sorted(found)

    def load(self, folder: str, name: str) -> str:
        """Let a loader use a model file.

        Raises:
            FileNotFoundError: The file is absent and unlisted names are not accepted.
            UnusableWeights: The mode is ``none``: no file here holds weights.
        """
        if self.accepts_any_name:
            return name
        if name not in self.names(folder):
            raise FileNotFoundError(f"Model in folder '{folder}' with filename '{name}' not found.")
        if self.mode is ModelsMode.NONE:
            raise UnusableWeights("Error while deserializing header: header too small")
        return name

    def place(self, models: Iterable[ModelFile]) -> None:
        """Put an empty placeholder on disk for each model that is not there yet."""
        for model in models:
            folder = _LEGACY.get(model.folder, model.folder)
            path = os.path.join(self._folders.models, folder, model.name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "ab"):
                pass


def known_folder(folder: str) -> bool:
    """Whether ``folder`` can hold models, legacy names included."""
    return _LEGACY.get(folder, folder) in _FOLDERS
