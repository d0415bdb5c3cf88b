"""Strangers ask whatever the description allows, and what it does not: no 5xx, no surprise.

`schemathesis.toml` says what is asked and what is looked at; a new operation is asked without
anybody remembering. More of it by hand: `SCHEMATHESIS_EXAMPLES=100 pytest -k schemathesis`.
"""

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import paths
from api.open_routes import OPEN_ROUTES
from api.openapi.committed import description
from tests.services.api.belongings import Belongings, belongings
from tests.services.api.contract.conftest import Tokens

pytestmark = pytest.mark.timeout(900)  # seconds of a busy machine; it takes a fraction of them

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "2")
OFTEN = 0.8
"""Share of ids that are of something that is there."""


async def ask(server: str, folder: Path, *options: str, ids: Belongings | None = None) -> None:
    """Have the API asked by schemathesis, which must find nothing.

    Args:
        server: its address.
        folder: where `asked.ndjson` will be, for `answers`.
        options: of `schemathesis run`.
        ids: of what is there.
    """
    config = folder / CONFIG.name
    config.write_text(CONFIG.read_text(encoding="utf-8") + known(ids or {}), encoding="utf-8")
    (folder / "openapi.json").write_text(description(), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", config),
        *("run", "openapi.json", "--url", server, "--max-examples", EXAMPLES),
        *("--report", "ndjson", "--report-ndjson-path", folder / "asked.ndjson"),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()


def known(ids: Belongings) -> str:
    """Ids for the configuration, by the names that operations have for them."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in ids.items():
        if name in ("generation_id", "generated_job_id"):
            continue  # most pairs of a job and an attempt would then be of two jobs
        values["attempt_id" if name == "animation_id" else name].append(value)
    lines = []
    for name, found in values.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(found)}"]
    lines.append("[parameters]")
    for name in values:
        binding = f'{{ dictionary = "{name}", probability = {OFTEN} }}'
        lines += [f'"{place}.{name}" = {binding}' for place in ("path", "body")]
    return "\n".join(["", *lines, ""])


def answers(folder: Path) -> Mapping[str, set[int]]:
    """The statuses that were answered, by method and path."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for line in (folder / "asked.ndjson").read_text(encoding="utf-8").splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        interactions = recorder.get("interactions", {})
        for name, case in recorder.get("cases", {}).items():
            if response := interactions.get(name, {}).get("response"):
                found[f"{case['value']['method']} {case['value']['path']}"].add(
                    response["status_code"]
                )
    return found


def described(folder: Path) -> list[str]:
    """Every operation, as method and path."""
    found = json.loads((folder / "openapi.json").read_text(encoding="utf-8"))["paths"]
    return [f"{method.upper()} {path}" for path, methods in found.items() for method in methods]


def bearer(token: str) -> tuple[str, str]:
    return "--header", f"Authorization: Bearer {token}"


async def test_whatever_a_user_asks_the_answer_is_one_that_is_described(
    server: str, tokens: Tokens, tmp_path: Path, succeed: Any, upload: Any
) -> None:
    async with httpx.AsyncClient(
        base_url=server, headers={"Authorization": f"Bearer {tokens.user}"}, timeout=240
    ) as http:
        job = (await upload(http)).raise_for_status().json()
        ids = await belongings(http, job, succeed)
    await ask(server, tmp_path, *bearer(tokens.user), ids=ids)
    found = {each: answers(tmp_path)[each] for each in described(tmp_path)}
    assert all(found.values())
    went_well = [each for each, statuses in found.items() if min(statuses) < 300]
    assert len(went_well) > 0.6 * len(found) > 20, set(found) - set(went_well)


async def test_whatever_an_operator_asks_the_answer_is_one_that_is_described(
    server: str, tokens: Tokens, tmp_path: Path
) -> None:
    only = ("--include-path-regex", f"^{paths.OPERATOR}/", "--phases", "fuzzing")
    await ask(server, tmp_path, *bearer(tokens.operator), *only)
    found = answers(tmp_path)
    assert len(found) >= 2
    assert not any(403 in statuses for statuses in found.values())


async def test_whatever_nobody_asks_the_answer_is_that_a_token_is_missing(
    server: str, tmp_path: Path
) -> None:
    await ask(server, tmp_path, "--phases", "fuzzing")
    found = answers(tmp_path)
    doors = set(described(tmp_path)) - {f"{method} {path}" for method, path in OPEN_ROUTES}
    assert {door: found[door] for door in doors} == {door: {401} for door in doors}
