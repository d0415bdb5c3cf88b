"""A worker process whose cloud does not let it have a pod when it starts."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.embedded.ports import free_port
from deploy.stack.environment import as_environment, python_environment
from rekindle.settings import Settings


def started(settings: Settings, folder: Path, **variables: str) -> subprocess.Popen[bytes]:
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "worker.main"],
            env={**python_environment(folder), **as_environment(settings), **variables},
            cwd=folder,
            stdout=log,
            stderr=log,
        )


async def test_a_worker_whose_cloud_is_away_works_on_all_the_same(
    rented: Settings, fleet: Any, tmp_path: Path
) -> None:
    nobody = rented.model_copy(update={"runpod_api_url": f"http://127.0.0.1:{free_port()}"})
    worker = started(nobody, tmp_path)
    try:
        log = tmp_path / "log.txt"
        await fleet.until(lambda: log.read_text().count("fleet_not_looked_at") >= 2)
        assert "cloud_unavailable" in log.read_text()
        await fleet.until(fleet.has_a_worker)
        assert worker.poll() is None
        worker.terminate()
        assert worker.wait(120) == 0
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_that_cannot_read_its_terms_says_so_in_one_line(
    rented: Settings, tmp_path: Path
) -> None:
    worker = started(rented, tmp_path, IMAGE_PODS_PREWARM="every morning=1")
    assert worker.wait(120) == 2
    (line,) = (tmp_path / "log.txt").read_text().splitlines()
    assert line.startswith("A pre-warm entry cannot be read: ")
