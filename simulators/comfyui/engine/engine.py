"""One engine: the parts of this folder put together around one worker thread."""

from __future__ import annotations

import logging
import threading
import uuid
from typing import Any

from simulators.comfyui.engine.executor import Executor
from simulators.comfyui.engine.faults import FaultPlan
from simulators.comfyui.engine.injector import FaultInjector
from simulators.comfyui.engine.interrupt import InterruptFlag
from simulators.comfyui.engine.ledger import Ledger
from simulators.comfyui.engine.outbox import Outbox
from simulators.comfyui.engine.prompt_queue import Ending, PromptQueue, Queued
from simulators.comfyui.engine.validation import Verdict, validate
from simulators.comfyui.folders import Folders
from simulators.comfyui.nodes.declare import Surroundings
from simulators.comfyui.nodes.registry import NodeCatalog
from simulators.comfyui.options import Options
from simulators.comfyui.shelf import ModelShelf

log = logging.getLogger(__name__)


class Engine:
    """Accepts prompts from the wire and executes them in a thread of its own.

    Args:
        options: Settings of the process.
        outbox: Takes the messages for clients.
    """

    def __init__(self, options: Options, outbox: Outbox) -> None:
        self.options = options
        self.folders = Folders(options.base_directory)
        self.folders.prepare()
        self.shelf = ModelShelf(self.folders, options.models_mode)
        self.shelf.place(options.models)
        self.catalog = NodeCatalog(Surroundings(self.folders, self.shelf))
        self.faults = FaultInjector(FaultPlan(dict(options.node_delay), options.step_delay))
        self.ledger = Ledger(self.folders.base)
        self.queue = PromptQueue(
            changed=self._queue_changed, dropped=lambda queued: self.ledger.deleted(queued.run)
        )
        self._outbox = outbox
        self._interrupt = InterruptFlag()
        self._executor = Executor(self.catalog, outbox, self.faults, self._interrupt, options)
        self._next_number = 0

    def start(self) -> None:
        """Start the worker; it ends with the process, in the middle of whatever it does."""
        threading.Thread(target=self._work, name="executor", daemon=True).start()

    def submit(self, request: Any) -> tuple[Verdict, str, float]:
        """Validate and queue a decoded POST /prompt body that has a ``prompt``.

        Returns:
            The verdict, the prompt id and the number in the queue. Without a good output
            nothing was queued.

        Raises:
            Exception: The body has no usable shape; ComfyUI answers 500.
        """
        number = self._number(request)
        prompt_id = str(request.get("prompt_id", uuid.uuid4()))
        graph = request["prompt"]
        verdict = validate(graph, self.catalog, request.get("partial_execution_targets"))
        if verdict.error is None:
            extra_data = request.get("extra_data", {})
            if "client_id" in request:
                extra_data["client_id"] = request["client_id"]
            run = self.ledger.accepted(prompt_id, extra_data.get("client_id"))
            item = (number, prompt_id, graph, extra_data, verdict.outputs)
            self.queue.put(Queued(item, run))
        return verdict, prompt_id, number

    def _number(self, request: Any) -> float:
        """Place in the queue: asked for, or counted up, or counted down for ``front``."""
        if "number" in request:
            return float(request["number"])
        number = self._next_number
        self._next_number += 1
        return -number if request.get("front") else number

    def number_without_prompt(self, request: Any) -> None:
        """Use a number up, as ComfyUI does even for a body without a prompt."""
        self._number(request if isinstance(request, dict) else {})

    def interrupt(self, prompt_id: object) -> None:
        """Interrupt the running prompt; with an id only if it is that one.

        As in ComfyUI, looking and interrupting is not one step: a prompt that begins in
        between is hit.
        """
        if prompt_id:
            running, _ = self.queue.snapshot()
            if all(item[1] != prompt_id for item in running):
                return
        self._interrupt.raise_it()

    def queue_info(self) -> dict[str, Any]:
        """What GET /prompt and ``status`` messages tell."""
        return {"exec_info": {"queue_remaining": self.queue.remaining()}}

    def _queue_changed(self) -> None:
        self._outbox.send("status", {"status": self.queue_info()}, None)

    def _work(self) -> None:
        while True:
            queued = self.queue.take()
            if queued is not None:
                self._run(queued)
            flags = self.queue.take_flags()
            if flags.get("free_memory"):
                self._executor.forget_results()

    def _run(self, queued: Queued) -> None:
        self.ledger.started(queued.run)
        try:
            ending, executed = self._executor.run(queued.item)
        except Exception:
            # A node nobody needs can be malformed, since only what outputs need is validated.
            # ComfyUI's worker dies of it; a stand-in that hangs would help nobody.
            log.exception("prompt %s could not be executed", queued.item[1])
            ending, executed = Ending({}, {}, [], completed=False), []
        self.ledger.ended(queued.run, _outcome(ending), executed)
        self.queue.finish(queued.run, ending)
        if self._outbox.client_id is not None:
            told = {"node": None, "prompt_id": queued.item[1]}
            self._outbox.send("executing", told, self._outbox.client_id)


def _outcome(ending: Ending) -> str:
    if ending.completed:
        return "success"
    interrupted = any(event == "execution_interrupted" for event, _ in ending.messages)
    return "interrupted" if interrupted else "error"
