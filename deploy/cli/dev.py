"""`rekindle dev`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.options import DATA
from deploy.cli.reporting import notes, reported
from deploy.cli.settings import read_settings
from deploy.cli.signals import leave_on_signals

if TYPE_CHECKING:
    from deploy.stack.stack import Stack

_LOOK_SECONDS = 0.5


def dev(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder for photos, data and logs.")
    ] = Path(DATA),
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the API; 8000 by default if it is free."),
    ] = None,
) -> None:
    """Run everything on this machine until Ctrl-C; data is kept for the next time."""
    from deploy.stack.ports import CUSTOMARY
    from deploy.stack.running import running_stack

    leave_on_signals()
    with reported():
        try:
            began = time.monotonic()
            notes.print("Starting ...")
            with running_stack(
                data,
                settings=read_settings(),
                preferred_ports=CUSTOMARY,
                demanded_ports={"api": port} if port else {},
                rents_pods=True,
            ) as stack:
                _announce(stack, data, time.monotonic() - began)
                _watch(stack)
        except KeyboardInterrupt:
            notes.print(f"Stopped. Everything is kept in {data}.")


def _announce(stack: "Stack", data: Path, seconds: float) -> None:
    where = stack.addresses
    folder = "" if data == Path(DATA) else f" --data {data}"
    typer.echo(
        f"""Rekindle runs ({seconds:.1f} s).

  API           {where.api}
  API docs      {where.docs}
  Temporal UI   {where.temporal_ui}
  GPU pods      {where.comfyui or f"rented from the simulator at {where.runpod}"}
  Payments      {where.stripe or "Stripe, by your STRIPE_SECRET_KEY"}
  Sign-in       {where.api}/sign-in (the issuer is {where.issuer})
  Data          {data} (logs in {data / "logs"})

Restore a photo in another terminal:

  rekindle restore photo.jpg --out restored.jpg{folder}

or by hand:

  TOKEN=$(rekindle token{folder})
  curl -H "Authorization: Bearer $TOKEN" -F photo=@photo.jpg -F email=you@example.com \\
    {where.api}/api/v1/jobs/upload

Stop with Ctrl-C."""
    )


def _watch(stack: "Stack") -> None:
    """Start again whatever ends by itself, until a signal comes."""
    try:
        while True:
            for part in stack.parts:
                if not part.is_running:
                    notes.print(f"{part.name} has ended; starting it again")
                    part.start()
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        notes.print("Stopping ...")
        raise
