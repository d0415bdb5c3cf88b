import os

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
