"""Nodes that write pictures: PNG files, previews, animations."""

from __future__ import annotations

import json
import os
import secrets
import string
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulators.comfyui.folders import SaveTarget
from simulators.comfyui.nodes.arrays import Array, as_masks, to_bytes
from simulators.comfyui.nodes.context import NodeContext, Result
from simulators.comfyui.nodes.declare import NodeSet
from simulators.comfyui.nodes.inputs import choice, flag, image, integer, mask, real, text

if TYPE_CHECKING:
    from PIL import Image

nodes = NodeSet(
    category="image",
    uses_context=True,
    output_node=True,
    hidden=("prompt", "extra_pnginfo"),
)
_ANIMATION = {"category": "image/animation", "module": "comfy_extras.nodes_images"}
_PREFIX = text("filename_prefix", "ComfyUI")
_FPS = real("fps", 6.0, 0.01, 1000.0, step=0.01)


def metadata_of(context: NodeContext) -> dict[str, Any]:
    """What a saving node writes beside the pixels: the graph and the extra_pnginfo."""
    return {"prompt": context.prompt, **(context.extra_pnginfo or {})}


def saved(target: SaveTarget, names: Sequence[str], kind: str = "output") -> list[dict[str, str]]:
    """Entries of ``ui.images`` for written files."""
    return [{"filename": name, "subfolder": target.subfolder, "type": kind} for name in names]


def _save_pngs(
    context: NodeContext, images: Array, prefix: str, folder: Path, compress_level: int
) -> tuple[SaveTarget, list[str]]:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    height, width = images.shape[1:3]
    target = context.folders.save_target(prefix, folder, width, height)
    info = PngInfo() if context.write_metadata else None
    if info is not None:
        for key, value in metadata_of(context).items():
            info.add_text(key, json.dumps(value))
    names = [target.file_name("png", offset) for offset in range(len(images))]
    for name, picture in zip(names, images, strict=True):
        path = os.path.join(target.folder, name)
        Image.fromarray(to_bytes(picture)).save(path, pnginfo=info, compress_level=compress_level)
    return target, names


@nodes.add("SaveImage", image("images"), _PREFIX, display="Save Image")
def save_image(context: NodeContext, images: Array, filename_prefix: str = "ComfyUI") -> Result:
    """Write each picture as a PNG into the output folder."""
    output = context.folders.output
    target, names = _save_pngs(context, images, filename_prefix, output, compress_level=4)
    return Result(ui={"images": saved(target, names)})


def _save_preview(context: NodeContext, images: Array, compress_level: int) -> Result:
    tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(5))
    prefix, temp = f"ComfyUI_temp_{tag}", context.folders.temp
    target, names = _save_pngs(context, images, prefix, temp, compress_level)
    return Result(ui={"images": saved(target, names, "temp")})


@nodes.add("PreviewImage", image("images"), display="Preview Image")
def preview_image(context: NodeContext, images: Array) -> Result:
    """Write each picture as a PNG into the temp folder."""
    return _save_preview(context, images, compress_level=1)


@nodes.add("MaskPreview", mask(), category="mask", module="comfy_extras.nodes_mask")
def mask_preview(context: NodeContext, mask: Array) -> Result:
    """Write each mask as a gray PNG into the temp folder."""
    return _save_preview(context, as_masks(mask)[..., None].repeat(3, axis=-1), compress_level=4)


@nodes.add(
    "SaveAnimatedPNG",
    image("images"),
    _PREFIX,
    _FPS,
    integer("compress_level", 4, 0, 9),
    **_ANIMATION,
)
def save_animated_png(
    context: NodeContext,
    images: Array,
    fps: float,
    compress_level: int,
    filename_prefix: str = "ComfyUI",
) -> Result:
    """Write a batch as one animated PNG."""
    from PIL.PngImagePlugin import PngInfo

    target, path, frames = _animation(context, images, filename_prefix, "png")
    info = PngInfo() if context.write_metadata else None
    if info is not None:
        for key, value in metadata_of(context).items():
            body = key.encode("latin-1") + b"\0" + json.dumps(value).encode("latin-1")
            info.add(b"comf", body, after_idat=True)
    frames[0].save(
        path,
        pnginfo=info,
        compress_level=compress_level,
        save_all=True,
        duration=int(1000.0 / fps),
        append_images=frames[1:],
    )
    return Result(ui={"images": saved(target, [os.path.basename(path)]), "animated": [True]})


@nodes.add(
    "SaveAnimatedWEBP",
    image("images"),
    _PREFIX,
    _FPS,
    flag("lossless", True),
    integer("quality", 80, 0, 100),
    choice("method", ("default", "fastest", "slowest")),
    **_ANIMATION,
)
def save_animated_webp(
    context: NodeContext,
    images: Array,
    fps: float,
    filename_prefix: str,
    lossless: bool,
    quality: int,
    method: str,
) -> Result:
    """Write a batch as one animated WebP."""
    target, path, frames = _animation(context, images, filename_prefix, "webp")
    exif = frames[0].getexif()
    if context.write_metadata:
        exif[0x0110] = f"prompt:{json.dumps(context.prompt)}"
        for offset, (key, value) in enumerate((context.extra_pnginfo or {}).items()):
            exif[0x010F - offset] = f"{key}:{json.dumps(value)}"
    frames[0].save(
        path,
        save_all=True,
        duration=int(1000.0 / fps),
        append_images=frames[1:],
        exif=exif,
        lossless=lossless,
        quality=quality,
        method={"default": 4, "fastest": 0, "slowest": 6}[method],
    )
    animated = len(frames) != 1
    return Result(ui={"images": saved(target, [os.path.basename(path)]), "animated": [animated]})


def _animation(
    context: NodeContext, images: Array, prefix: str, extension: str
) -> tuple[SaveTarget, str, list[Image.Image]]:
    from PIL import Image

    height, width = images.shape[1:3]
    target = context.folders.save_target(prefix, context.folders.output, width, height)
    frames = [Image.fromarray(to_bytes(picture)) for picture in images]
    # Animations keep a literal %batch_num% in their name, unlike single pictures.
    name = f"{target.stem}_{target.counter:05}_.{extension}"
    return target, os.path.join(target.folder, name), frames
