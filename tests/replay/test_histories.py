"""Every way through a workflow's life that was ever recorded is still understood by its code.

A history that cannot be replayed is a workflow that gets stuck when this code is deployed.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from worker.host import WORKFLOWS, workflow_runner

HISTORIES = sorted(Path(__file__).with_name("histories").glob("*.json"))
STARTED = "workflowExecutionStartedEventAttributes"
LARGEST = 64 * 1024
WHAT_TO_DO = """
{name} no longer replays: {why}
The commands of a workflow have changed. Until the first release: record anew with
    .venv/bin/python tests/replay/record.py && .venv/bin/python tests/replay/test_fingerprints.py
After it: keep the old commands behind `workflow.patched`, or release a new pinned version.
"""


@pytest.fixture(scope="module")
def replayer() -> Replayer:
    """With the worker's own runner and converter."""
    return Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=pydantic_data_converter,
    )


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path, replayer: Replayer) -> None:
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is None, WHAT_TO_DO.format(
        name=path.name, why=result.replay_failure
    )


async def test_a_changed_order_of_commands_is_noticed(replayer: Replayer) -> None:
    """The replayer can say no: an activity of another name in the history is not accepted."""
    [path] = [each for each in HISTORIES if each.stem == "render_done"]
    changed = path.read_text().replace("finish_attempt", "begin_attempt")
    history = WorkflowHistory.from_json("changed", changed)
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is not None


def test_every_workflow_has_histories() -> None:
    told = {
        json.loads(path.read_text())["events"][0][STARTED]["workflowType"]["name"]
        for path in HISTORIES
    }
    assert told == {each.__name__ for each in WORKFLOWS}


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_history_is_small_and_names_nobody(path: Path) -> None:
    assert path.stat().st_size <= LARGEST
    text = path.read_text() + "".join(decoded(json.loads(path.read_text())))
    assert set(re.findall(r"[\w.+-]+@[\w.-]+", text)) <= {"0@worker"}
    assert not re.search(r"stackTrace|\.py\b|/(home|root|tmp|usr|Users)/|Traceback", text)


def decoded(node: Any) -> list[str]:
    """Every payload in it, as text."""
    if isinstance(node, dict):
        if "data" in node and "metadata" in node:
            return [base64.b64decode(node["data"]).decode()]
        return [text for value in node.values() for text in decoded(value)]
    if isinstance(node, list):
        return [text for value in node for text in decoded(value)]
    return []
