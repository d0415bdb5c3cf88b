"""Collects the commands."""

from deploy.cli.comfy import fetch, history, queue, submit
from deploy.cli.groups import command_group

app = command_group("comfy", "Use any ComfyUI server by hand.")
for command in (submit.submit, queue.queue, history.history, fetch.fetch):
    app.command()(command)
