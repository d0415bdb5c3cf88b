"""What ComfyUI's JSON means: queue, history and rejections as our own words. Pure functions."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rekindle.errors import GraphRejected, ModelMissing
from rekindle.ports.comfy import OutputFile, PromptEnd, QueueState

_MODEL_INPUTS = {
    "ckpt_name",
    "clip_name",
    "clip_name1",
    "clip_name2",
    "clip_name3",
    "control_net_name",
    "lora_name",
    "model_name",
    "style_model_name",
    "unet_name",
    "vae_name",
}
"""Inputs that name a model file; a missing file reads `value_not_in_list` there."""
_NO_FILE = re.compile(r"Model in folder '.*' with filename '.*' not found")
"""What loaders of either kind say of a model file that is not there, as a `FileNotFoundError`."""


@dataclass(frozen=True)
class QueuedPrompt:
    """One item of the queue.

    Attributes:
        number: lower ones run first.
        nodes: how many its graph has.
    """

    prompt_id: str
    number: float
    running: bool
    nodes: int


def queued_prompts(reply: Mapping[str, Any]) -> tuple[QueuedPrompt, ...]:
    """What a `GET /queue` reply lists, in the order in which it runs (the wire has heap order)."""
    listed = [(item, True) for item in reply["queue_running"]]
    listed += [(item, False) for item in reply["queue_pending"]]
    found = [
        QueuedPrompt(str(item[1]), float(item[0]), running, len(item[2]))
        for item, running in listed
    ]
    return tuple(sorted(found, key=lambda prompt: (not prompt.running, prompt.number)))


def queue_state(reply: Mapping[str, Any]) -> QueueState:
    """The ids in a `GET /queue` reply, whose items are [number, prompt_id, graph, ...]."""
    return QueueState(
        running=frozenset(str(item[1]) for item in reply["queue_running"]),
        pending=frozenset(str(item[1]) for item in reply["queue_pending"]),
    )


def prompt_end(entry: Mapping[str, Any]) -> PromptEnd:
    """What a `/history` entry says.

    Failed and cancelled both have the status "error"; only the last message tells them apart.
    """
    status = entry["status"]
    messages: dict[str, Any] = dict(status["messages"])
    error = messages.get("execution_error", {})
    started = messages.get("execution_start", {}).get("timestamp", 0)
    ended = max(m.get("timestamp", started) for m in messages.values()) if messages else started
    return PromptEnd(
        succeeded=status["status_str"] == "success",
        interrupted="execution_interrupted" in messages,
        files=tuple(_files(entry["outputs"])),
        engine_seconds=(ended - started) / 1000,
        failed_node_type=error.get("node_type"),
        failure=_failure(error) if error else None,
        lacks_model=_lacks_model(error),
    )


def _lacks_model(error: Mapping[str, Any]) -> bool:
    message = str(error.get("exception_message"))
    return error.get("exception_type") == "FileNotFoundError" and bool(_NO_FILE.match(message))


def _failure(error: Mapping[str, Any]) -> str:
    return f"{error.get('exception_type')}: {error.get('exception_message')}".strip()


def _files(outputs: Mapping[str, Any]) -> Iterator[OutputFile]:
    # Core nodes list pictures and videos under `images`; custom nodes use `gifs` and others.
    for node, results in outputs.items():
        for listed in results.values():
            for item in listed if isinstance(listed, list) else ():
                if isinstance(item, dict) and "filename" in item:
                    yield OutputFile(
                        node=node,
                        filename=item["filename"],
                        subfolder=item.get("subfolder", ""),
                        kind=item.get("type", "output"),
                    )


def rejection(body: str) -> GraphRejected:
    """The error behind a refused `POST /prompt`: `ModelMissing` when all that lacks are models."""
    try:
        reply = json.loads(body)
        found = list(_node_errors(reply))
    except (ValueError, AttributeError, KeyError, TypeError):
        return GraphRejected(body[:500])
    missing = [e for e in found if _is_missing_model(e)]
    text = "; ".join(f"{e['type']} {e.get('details', '')}" for e in found) or str(
        reply.get("error")
    )
    lacks_models = missing and len(missing) == len(found)
    rejected = ModelMissing(text) if lacks_models else GraphRejected(text)
    rejected.problems = tuple(_problems(reply))
    return rejected


def _problems(reply: Mapping[str, Any]) -> Iterator[str]:
    """A line for each error of each node, or the one error that is about no node."""
    of_nodes = dict(reply.get("node_errors") or {})
    for node, said in of_nodes.items():
        for error in said["errors"]:
            yield f"node {node} ({said.get('class_type')}): {_sentence(error)}"
    error = reply.get("error")
    if error and not of_nodes:
        yield _sentence(error) if isinstance(error, Mapping) else str(error)


def _sentence(error: Mapping[str, Any]) -> str:
    words = (str(error.get(part) or "").strip() for part in ("message", "details"))
    return ": ".join(word for word in words if word) or str(error.get("type"))


def _node_errors(reply: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for node in dict(reply.get("node_errors") or {}).values():
        yield from node["errors"]


def _is_missing_model(error: Mapping[str, Any]) -> bool:
    name = error.get("extra_info", {}).get("input_name")
    return error["type"] == "value_not_in_list" and name in _MODEL_INPUTS
