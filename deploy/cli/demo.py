"""`rekindle demo`."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deploy.cli.connection import open_api
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, notes, reported
from deploy.cli.settings import read_settings
from deploy.cli.signals import leave_on_signals

if TYPE_CHECKING:
    from deploy.cli.client import Attempt
    from deploy.stack.stack import Stack

GRAPH = "restore_classic"
EMAIL = "demo@example.com"


@dataclass(frozen=True)
class Pictures:
    """The files that the demo writes into one folder."""

    original: Path
    """The known good photo."""
    aged: Path
    """What is uploaded."""
    restored: Path
    """What the graph made: private, the source of HD."""
    preview: Path
    """What a person sees before paying."""
    before_after: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Pictures":
        """Their paths in a folder, which is made if missing."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(
            original=folder / "original.png",
            aged=folder / "aged.jpg",
            restored=folder / "restored.png",
            preview=folder / "preview.jpg",
            before_after=folder / "before_after.jpg",
        )


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the pictures.")
    ] = Path("out"),
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other damage.")] = 1,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder for the services' data and logs.")
    ] = Path(".rekindle/demo"),
    paid: Annotated[
        bool, typer.Option("--paid", help="Also animate it, and buy HD with simulated money.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Age a good photo, restore it through the whole path, and compare.

    With COMFYUI_URL set, the same photo is restored on that server.
    """
    leave_on_signals()
    with reported(as_json=as_json):
        result = _run(Pictures.in_folder(out.absolute()), seed, data, is_paid=paid)
        if as_json:
            answer_json(result)
        else:
            _show(result)


def _run(pictures: Pictures, seed: int, data: Path, *, is_paid: bool) -> dict[str, Any]:
    from deploy.cli.master import fetch_master
    from deploy.stack.running import running_stack

    began = time.monotonic()
    notes.print("Ageing a good photo, and starting everything on this machine ...")
    _age(pictures, seed)
    with running_stack(data, settings=read_settings(), rents_pods=True) as stack:
        ready = time.monotonic()
        notes.print(f"Everything runs after {ready - began:.1f} s. Restoring the aged photo:")
        attempt = _restore(stack, pictures, seed)
        restored = time.monotonic()
        fetch_master(stack.settings, UUID(attempt.job_id), UUID(attempt.id), pictures.restored)
        bought = _buy(stack, attempt, pictures.restored.parent) if is_paid else {}
        return {
            "status": attempt.status,
            "job_id": attempt.job_id,
            "attempt_id": attempt.id,
            **{name: str(path) for name, path in vars(pictures).items()},
            **_compare(pictures),
            "start_seconds": round(ready - began, 2),
            "restore_seconds": round(restored - ready, 2),
            "engine_seconds": attempt.document["engine_seconds"],
            **bought,
            "seconds": round(time.monotonic() - began, 2),
        }


def _age(pictures: Pictures, seed: int) -> None:
    from PIL import Image

    from deploy.demo.aging import age, sample_photo

    photo = sample_photo()
    Image.fromarray(photo).save(pictures.original)
    Image.fromarray(age(photo, seed)).save(pictures.aged, quality=92)


def _restore(stack: "Stack", pictures: Pictures, seed: int) -> "Attempt":
    from deploy.cli.following import restore_photo

    with open_api(None, None, stack.data) as client:
        attempt = restore_photo(client, pictures.aged, EMAIL, {"graph": GRAPH, "seed": seed})
        client.download(attempt.document["preview_url"], pictures.preview)
        return attempt


def _buy(stack: "Stack", attempt: "Attempt", folder: Path) -> dict[str, Any]:
    from deploy.cli.paid_demo import buy_all

    return {"paid": buy_all(stack, attempt, folder)}


def _compare(pictures: Pictures) -> dict[str, float]:
    """Write the picture of before and after; how near both are to the good photo, in dB."""
    import numpy as np
    from PIL import Image

    from deploy.demo.picture import before_after, psnr

    aged, restored, original = (
        np.asarray(Image.open(path).convert("RGB"))
        for path in (pictures.aged, pictures.restored, pictures.original)
    )
    before_after(aged, restored, original, pictures.before_after)
    return {
        "psnr_before": round(psnr(aged, original), 2),
        "psnr_after": round(psnr(restored, original), 2),
    }


def _show(result: dict[str, Any]) -> None:
    typer.echo(
        f"""
Before and after   {result["before_after"]}
Restored           {result["restored"]}
Watermarked        {result["preview"]}
Aged               {result["aged"]}
The good photo     {result["original"]}

PSNR against the good photo: {result["psnr_before"]:.1f} dB aged, {result["psnr_after"]:.1f} dB \
restored.
Job {result["job_id"]}: {result["restore_seconds"]} s from upload to result, \
{result["engine_seconds"]:.2f} s of it on the engine; {result["seconds"]} s in all."""
    )
    if "paid" in result:
        from deploy.cli.paid_demo import show

        show(result["paid"])
