"""The ledger: every run of every prompt, also after the engine died."""

import itertools
from pathlib import Path

from simulators.comfyui.engine.ledger import FILE_NAME, Ledger


def test_run_is_noted_from_acceptance_to_its_end(tmp_path: Path) -> None:
    ticks = itertools.count(100.0)
    ledger = Ledger(tmp_path, clock=lambda: next(ticks))
    run = ledger.accepted("id", "me")
    ledger.started(run)
    ledger.ended(run, "success", ["1", "2"])
    ledger.close()
    assert ledger.runs() == [
        {
            "run": "1-1",
            "prompt_id": "id",
            "client_id": "me",
            "accepted_at": 101.0,
            "started_at": 102.0,
            "ended_at": 103.0,
            "outcome": "success",
            "executed": ["1", "2"],
        }
    ]


def test_same_id_twice_is_two_runs(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first, second = ledger.accepted("id", None), ledger.accepted("id", None)
    ledger.deleted(first)
    ledger.close()
    assert first != second
    assert [run["outcome"] for run in ledger.runs()] == ["deleted", None]


def test_unfinished_runs_are_lost_when_the_engine_starts_again(tmp_path: Path) -> None:
    before = Ledger(tmp_path)
    for name in ("done", "running", "waiting"):
        run = before.accepted(name, None)
        if name != "waiting":
            before.started(run)
        if name == "done":
            before.ended(run, "success", [])
    before.close()
    after = Ledger(tmp_path)
    again = after.accepted("running", None)
    after.close()
    outcomes = [(run["prompt_id"], run["outcome"]) for run in after.runs()]
    assert outcomes == [
        ("done", "success"),
        ("running", "lost"),
        ("waiting", "lost"),
        ("running", None),
    ]
    assert again == "2-1"
    assert after.boots == 2


def test_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    before = Ledger(tmp_path)
    before.accepted("id", None)
    before.close()
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes() + b'{"event": "started", "ru')
    after = Ledger(tmp_path)
    run = after.accepted("next", None)
    after.started(run)
    after.close()
    third = Ledger(tmp_path)
    third.close()
    assert [run["prompt_id"] for run in third.runs()] == ["id", "next"]
