import os
import subprocess
import sys

from deploy.bench.processes import cpu_seconds, resident_mb, rise_of

_MB = 64


def test_a_peak_that_has_passed_is_still_seen() -> None:
    with rise_of(os.getpid()) as rise:
        held = b"x" * (_MB << 20)
        del held
    assert rise.mb > _MB * 0.9
    assert rise.peak >= rise.after


def test_nothing_rises_while_nothing_is_done() -> None:
    with rise_of(os.getpid()) as rise:
        pass
    assert rise.mb < _MB * 0.5


def test_a_process_that_worked_has_used_time_and_memory() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < before + 0.02:
        sum(range(100_000))
    assert resident_mb(os.getpid()) > 5


_BURNS = """
import time
while time.process_time() < 0.3: pass
print("burnt", flush=True)
input()
"""
_HAS_IT_BURNT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {_BURNS!r}], check=True)
print("ended", flush=True)
input()
"""


def test_what_a_child_uses_counts_while_it_lives_and_when_it_has_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HAS_IT_BURNT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        for word in ("burnt", "ended"):
            assert parent.stdout.readline().strip() == word
            assert cpu_seconds(parent.pid) > 0.28
            parent.stdin.write("\n")
            parent.stdin.flush()
    assert parent.returncode == 0
