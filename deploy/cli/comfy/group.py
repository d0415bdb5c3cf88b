"""Collects the commands."""

import typer

from deploy.cli.comfy import fetch, history, queue, submit

app = typer.Typer(
    name="comfy", help="Use any ComfyUI server by hand.", no_args_is_help=True, add_completion=False
)
for command in (submit.submit, queue.queue, history.history, fetch.fetch):
    app.command()(command)
