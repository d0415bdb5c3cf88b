"""The guard with small Python children: whatever happens, nobody is left behind."""

import json
import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from deploy.embedded import process as process_module
from deploy.embedded.ports import free_port
from deploy.embedded.probes import http_ok, tcp_open
from deploy.embedded.process import GuardedProcess
from rekindle.errors import LocalServiceError

SLEEP = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); {SLEEP}"
# A helper in the child's group, one in a session of its own, and one that is an orphan at once.
FAMILY = f"""
import subprocess, sys, os, time
python = [sys.executable, "-I", "-S", "-c"]
same = subprocess.Popen([*python, {SLEEP!r}])
own = subprocess.Popen([*python, {SLEEP!r}], start_new_session=True)
orphan = os.fork()
if orphan == 0:
    if os.fork() == 0:
        os.setsid()
        print("orphan", os.getpid(), flush=True)
        time.sleep(600)
    os._exit(0)
os.waitpid(orphan, 0)
print("same", same.pid, flush=True)
print("own", own.pid, flush=True)
time.sleep(600)
"""


def python(tmp_path: Path, code: str, **options: object) -> GuardedProcess:
    command = [sys.executable, "-u", "-I", "-S", "-c", code]
    return GuardedProcess(command, name="child", log=tmp_path / "child.log", **options)  # type: ignore[arg-type]


def await_gone(pids: Iterable[int], seconds: float = 60.0) -> None:
    """Wait until each of them has exited; a zombie whose parent does not reap has, too."""
    deadline = time.monotonic() + seconds
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]
        os.close(handle)
        assert ended, f"process {pid} is still there: {Path(f'/proc/{pid}/cmdline').read_text()}"


def await_log(child: GuardedProcess, *words: str) -> None:
    """Wait until complete lines with all these words are in its log."""
    deadline = time.monotonic() + 60
    while not all(word in (lines := complete_lines(child)) for word in words):
        assert time.monotonic() < deadline, f"{words} are not all in {lines}"
        select.select([], [], [], 0.01)


def complete_lines(child: GuardedProcess) -> str:
    return child.log.read_text().rpartition("\n")[0]


def guard_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def logged_pids(child: GuardedProcess) -> list[int]:
    return [int(line.split()[1]) for line in child.log_tail().splitlines()]


def test_the_pid_is_the_commands_own_and_its_output_is_in_the_log(tmp_path: Path) -> None:
    child = python(tmp_path, f"import os; print('I am', os.getpid()); {SLEEP}")
    with child:
        await_log(child, "I am")

        assert child.log_tail() == f"I am {child.pid}"
        assert child.is_running
        assert child.exit_code is None
    assert not child.is_running
    assert child.exit_code == -signal.SIGTERM


def test_the_exit_code_of_a_child_that_ends_by_itself_is_reported(tmp_path: Path) -> None:
    go = tmp_path / "go"
    wait = f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"
    child = python(tmp_path, f"import os, sys, time\n{wait}\nsys.exit(7)")
    child.start()
    go.touch()

    assert child.wait(timeout=60) == 7
    assert not child.is_running


def test_waiting_is_bounded(tmp_path: Path) -> None:
    with python(tmp_path, SLEEP) as child, pytest.raises(TimeoutError, match="child still runs"):
        child.wait(timeout=0.01)


def test_start_returns_only_when_the_probe_says_so(tmp_path: Path) -> None:
    port = free_port()
    serve = (
        "import http.server as h, time; time.sleep(0.2);"
        f"h.HTTPServer(('127.0.0.1', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
    )
    child = python(tmp_path, serve, cwd=tmp_path)
    try:
        child.start(tcp_open(port))

        assert http_ok(port, "/")() is None
        assert "answered 404" in (http_ok(port, "/nothing")() or "")
    finally:
        child.stop()
    assert "GET / on port" in (http_ok(port, "/")() or "")


def test_a_child_that_is_never_ready_fails_with_its_log_and_leaves_nothing(tmp_path: Path) -> None:
    child = python(tmp_path, f"print('waiting for the moon'); {SLEEP}")

    def after_the_log() -> str:
        await_log(child, "moon")
        return "no moon yet"

    with pytest.raises(LocalServiceError, match=r"not ready after 0\.01 s") as error:
        child.start(after_the_log, timeout=0.01)

    assert "no moon yet" in str(error.value)
    assert "waiting for the moon" in str(error.value)
    await_gone([child.pid])


def test_a_child_that_ends_while_starting_fails_with_its_exit_code_and_log(tmp_path: Path) -> None:
    child = python(tmp_path, "import sys; print('bad configuration'); sys.exit(3)")

    with pytest.raises(LocalServiceError, match=r"ended while starting \(exit code 3\)") as error:
        child.start(lambda: "not yet")

    assert "bad configuration" in str(error.value)


@pytest.mark.parametrize("missing", ["program", "cwd"])
def test_what_cannot_be_executed_is_a_clear_error(tmp_path: Path, missing: str) -> None:
    program = str(tmp_path / "nothing") if missing == "program" else "/bin/true"
    cwd = tmp_path / "nowhere" if missing == "cwd" else tmp_path
    child = GuardedProcess([program], name="child", log=tmp_path / "child.log", cwd=cwd)

    with pytest.raises(LocalServiceError, match=r"child cannot be started.*No such file"):
        child.start()
    assert not child.is_running


def test_a_running_child_is_not_started_twice(tmp_path: Path) -> None:
    with python(tmp_path, SLEEP) as child, pytest.raises(RuntimeError, match="already running"):
        child.start()


def test_stop_lets_the_child_finish_in_order(tmp_path: Path) -> None:
    code = (
        "import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]);"
        "print('up'); signal.sigwait([signal.SIGINT]); sys.exit(5)"
    )
    child = python(tmp_path, code, polite_signal=signal.SIGINT)
    child.start()
    await_log(child, "up")
    child.stop()

    assert child.exit_code == 5


def test_stop_kills_a_child_that_ignores_the_polite_signal(tmp_path: Path) -> None:
    child = python(tmp_path, STUBBORN, grace=0.1)
    child.start()
    await_log(child, "up")
    child.stop()

    assert child.exit_code == -signal.SIGKILL
    await_gone([child.pid])


def test_a_killed_child_can_be_started_again(tmp_path: Path) -> None:
    child = python(tmp_path, SLEEP)
    child.start()
    first = child.pid
    child.kill()
    assert child.exit_code == -signal.SIGKILL
    child.start()
    try:
        assert child.is_running
        assert child.pid != first
    finally:
        child.stop()


def test_a_child_killed_by_others_is_noticed(tmp_path: Path) -> None:
    child = python(tmp_path, SLEEP)
    child.start()
    os.kill(child.pid, signal.SIGKILL)

    assert child.wait(timeout=60) == -signal.SIGKILL


def test_everything_the_child_started_ends_with_it(tmp_path: Path) -> None:
    child = python(tmp_path, FAMILY)
    child.start()
    await_log(child, "same", "own", "orphan")
    os.kill(child.pid, signal.SIGKILL)
    child.wait(timeout=60)

    assert len(logged_pids(child)) == 3
    await_gone(logged_pids(child))


def test_files_it_leaves_behind_are_removed_and_missing_ones_ignored(tmp_path: Path) -> None:
    leftovers = [tmp_path / "child.sock", tmp_path / "never made"]
    code = f"open({str(leftovers[0])!r}, 'w').close(); print('up'); {SLEEP}"
    with python(tmp_path, code, leftovers=leftovers) as child:
        await_log(child, "up")
        assert leftovers[0].exists()

    assert not leftovers[0].exists()


def test_killing_the_guard_ends_the_child(tmp_path: Path) -> None:
    child = python(tmp_path, STUBBORN)
    child.start()
    await_log(child, "up")
    os.kill(guard_of(child.pid), signal.SIGKILL)

    await_gone([child.pid])
    assert child.wait(timeout=60) is None
    assert not child.is_running


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    child = python(tmp_path, SLEEP)
    starter = threading.Thread(target=child.start)
    starter.start()
    starter.join()
    try:
        with pytest.raises(TimeoutError):
            child.wait(timeout=0.2)
    finally:
        child.stop()


PARENT = """
import json, os, sys, time
from pathlib import Path
from deploy.embedded.process import GuardedProcess
child = GuardedProcess([sys.executable, "-u", "-c", sys.argv[1]], name="child",
                       log=Path("child.log"), grace=0.2)
child.start()
copy = os.fork() if sys.argv[2] == "forked" else 0
if sys.argv[2] == "forked" and copy == 0:
    time.sleep(600)
print(json.dumps({"child": child.pid, "copy": copy}), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("life", ["alone", "forked"])
def test_killing_the_parent_ends_the_child_even_if_a_fork_holds_the_pipe(
    tmp_path: Path, life: str
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, STUBBORN, life], cwd=tmp_path, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    with parent.stdout as said:
        pids = json.loads(said.readline())
    guard = guard_of(pids["child"])
    parent.kill()
    parent.wait()
    try:
        await_gone([pids["child"], guard])
    finally:
        if pids["copy"]:
            os.kill(pids["copy"], signal.SIGKILL)


def test_the_child_inherits_no_descriptor_it_was_not_given(tmp_path: Path) -> None:
    given, other = os.pipe()
    try:
        with python(tmp_path, f"print('up'); {SLEEP}", keep_fds=[given]) as child:
            await_log(child, "up")  # the interpreter itself has closed its files by now
            inherited = {int(name) for name in os.listdir(f"/proc/{child.pid}/fd")}
            standard_input = os.readlink(f"/proc/{child.pid}/fd/0")
    finally:
        os.close(given)
        os.close(other)

    assert inherited == {0, 1, 2, given}
    assert standard_input == os.devnull


def test_the_terminals_ctrl_c_does_not_reach_the_child(tmp_path: Path) -> None:
    with python(tmp_path, SLEEP) as child:
        assert os.getsid(child.pid) == child.pid
        assert os.getsid(guard_of(child.pid)) not in {os.getsid(0), child.pid}


def test_the_log_is_private_appended_to_and_set_aside_when_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "LOG_LIMIT", 10)
    for word in ("first", "second", "third"):
        with python(tmp_path, f"print({word!r}); {SLEEP}") as child:
            await_log(child, word)

    log = tmp_path / "child.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.read_text() == "third\n"
    assert log.with_name("child.log.1").read_text() == "first\nsecond\n"
