"""A setting that cannot be read is told in a sentence, and its value to nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_WRONG = "of-no-such-kind"


@pytest.mark.parametrize("process", ["api.main", "worker.main"])
def test_a_process_names_each_wrong_setting_and_does_not_start(
    process: str, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", process],
        env={"PATH": os.environ["PATH"], "MAX_RETRIES": _WRONG, "BACKEND_PORT": _WRONG},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    first, *wrong = ended.stderr.splitlines()
    assert first == "These settings are wrong:"
    assert {line.partition(":")[0] for line in wrong} == {"MAX_RETRIES", "BACKEND_PORT"}
    assert _WRONG not in ended.stderr
