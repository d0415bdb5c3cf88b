"""Encoding must not make real-time processes of the engine and of all that it starts."""

import io
import os
import subprocess
import sys

import av
import numpy as np
import pytest

from simulators.comfyui.nodes.priority import ordinary_priority


@pytest.mark.skipif(sys.platform != "linux", reason="schedules as Linux does")
def test_av1_leaves_every_thread_and_every_child_at_ordinary_priority() -> None:
    with av.open(io.BytesIO(), "w", format="matroska") as output:
        stream = output.add_stream("libsvtav1", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        with ordinary_priority():
            stream.codec_context.open()
        grey = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
        output.mux(stream.encode(grey))
        threads = [int(thread) for thread in os.listdir("/proc/self/task")]
        assert len(threads) > 10
        assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}
        asked = "import os; print(os.sched_getscheduler(0))"
        child = subprocess.run(
            [sys.executable, "-c", asked], capture_output=True, text=True, check=True
        )
        assert child.stdout.strip() == str(os.SCHED_OTHER)
        output.mux(stream.encode(None))
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
