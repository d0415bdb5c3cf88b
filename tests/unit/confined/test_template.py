"""The process that children are forked from: its life, and what it may not hand down."""

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import uvloop

from rekindle.adapters.confined.child.order import Decoder
from rekindle.adapters.confined.forked_child import ForkedChild
from rekindle.adapters.confined.template import PROGRAM, Template, template_of
from rekindle.errors import DependencyUnavailable

Children = Callable[[], list[int]]

SAY_PARENT = "import os; print(os.getppid(), flush=True)\n"
HANG = SAY_PARENT + "import signal; signal.pause()"


class Forked:
    """A child with its output in a file."""

    def __init__(self, template: Template, output: Path) -> None:
        self._output = output
        with Path(os.devnull).open("rb") as nothing, output.open("wb") as said:
            files = (nothing.fileno(), said.fileno(), said.fileno())
            self.child: ForkedChild = template.fork("order", files)

    async def says(self) -> str:
        """What it says first."""
        await _until(lambda: self._output.read_text().endswith("\n"))
        return self._output.read_text()

    async def ends(self) -> int:
        """Its exit code."""
        with self.child as child:
            return await child.exit_code()

    async def is_killed(self) -> None:
        with self.child as child:
            await child.kill()


Fork = Callable[[str], Forked]


@pytest.fixture
def fork(template: Template, program: Path, tmp_path: Path) -> Fork:
    """Forks a child that runs the text; another text may be given once it has begun."""
    outputs = iter(range(100))

    def fork(text: str) -> Forked:
        number = next(outputs)
        next_program = tmp_path / f"{number}.py"
        next_program.write_text(text)
        next_program.replace(program)  # whoever reads at this moment reads a whole one
        return Forked(template, tmp_path / str(number))

    return fork


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.005)


async def test_nothing_is_started_before_the_first_order(
    wrapper: Path, templates: Children
) -> None:
    before = templates()
    Template(wrapper).close()
    assert templates() == before


async def test_children_are_forked_from_one_process(fork: Fork) -> None:
    first, second = fork(SAY_PARENT), fork(SAY_PARENT)
    assert (await first.ends(), await second.ends()) == (0, 0)
    assert await first.says() == await second.says()


async def test_a_child_has_three_files_a_session_and_no_environment_of_ours(
    fork: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "canary")
    child = fork("""
import json, os
files = sorted(map(int, os.listdir("/proc/self/fd")))
print(json.dumps([files, os.getsid(0) == os.getpid(), dict(os.environ)]))
""")
    assert await child.ends() == 0
    files, leads, environment = json.loads(await child.says())
    assert files == [0, 1, 2, 3]  # the last is the listing itself
    assert leads
    assert set(environment) <= {"LC_CTYPE"}  # which Python sets itself in the C locale


async def test_a_crash_harms_no_other_child_and_the_next_has_a_fresh_template(
    fork: Fork, children: Children
) -> None:
    hanging = fork(HANG)
    template = await hanging.says()
    assert await fork("import os; os.abort()").ends() == -signal.SIGABRT

    later = fork(SAY_PARENT)
    assert await later.ends() == 0
    assert await later.says() != template
    assert len(children()) == 1
    await hanging.is_killed()
    assert children() == []
    await _until(lambda: not psutil.pid_exists(int(template)) or _is_zombie(int(template)))


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_so_many_children_have_one_template(
    wrapper: Path, program: Path, tmp_path: Path, templates: Children
) -> None:
    before = templates()
    program.write_text(SAY_PARENT)
    template, parents = Template(wrapper, most_children=2), []
    for number in range(5):
        child = Forked(template, tmp_path / str(number))
        assert await child.ends() == 0
        parents.append(await child.says())
    template.close()
    assert parents[0] == parents[1] != parents[2] == parents[3] != parents[4]
    assert templates() == before


async def test_a_template_that_is_killed_takes_its_children_along_and_is_started_anew(
    fork: Fork, children: Children
) -> None:
    hanging = fork(HANG)
    os.kill(int(await hanging.says()), signal.SIGKILL)
    with pytest.raises(DependencyUnavailable):
        await hanging.ends()
    assert children() == []
    assert await fork(SAY_PARENT).ends() == 0


async def test_a_template_that_was_killed_while_idle_is_not_missed(fork: Fork) -> None:
    first = fork(SAY_PARENT)
    await first.ends()
    pid = int(await first.says())
    os.kill(pid, signal.SIGKILL)
    await _until(lambda: _is_zombie(pid))
    assert await fork(SAY_PARENT).ends() == 0


async def test_a_template_answers_to_its_parent_only(fork: Fork) -> None:
    first = fork(HANG)
    template = await first.says()
    os.kill(int(template), signal.SIGTERM)
    os.kill(int(template), signal.SIGINT)
    second = fork(SAY_PARENT)
    assert await second.ends() == 0
    assert await second.says() == template
    await first.is_killed()


async def test_a_template_that_cannot_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module")
    template = Template(broken)
    for _ in range(2):
        with pytest.raises(DependencyUnavailable, match="no_such_module"):
            await Forked(template, tmp_path / "output").ends()
    template.close()


async def test_a_child_that_is_unwanted_at_once_never_stays(fork: Fork, children: Children) -> None:
    for _ in range(10):
        await fork(HANG).is_killed()
    assert children() == []


async def test_a_line_that_closes_kills_the_child(fork: Fork, children: Children) -> None:
    hanging = fork(HANG)
    await hanging.says()
    with hanging.child:
        assert len(children()) == 1
    await _until(lambda: children() == [])


def test_event_loops_of_both_kinds_share_a_template(fork: Fork) -> None:
    said: set[str] = set()

    async def ask() -> None:
        child = fork(SAY_PARENT)
        assert await child.ends() == 0
        said.add(await child.says())

    threads = [threading.Thread(target=run, args=(ask(),)) for run in (asyncio.run, uvloop.run)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 1


async def test_a_template_ends_with_the_object_that_started_it(
    wrapper: Path, program: Path, tmp_path: Path
) -> None:
    program.write_text(SAY_PARENT)
    before = psutil.Process().num_fds()
    template = Template(wrapper)
    child = Forked(template, tmp_path / "output")
    assert await child.ends() == 0
    pid = int(await child.says())
    del template, child
    gc.collect()
    assert not psutil.pid_exists(pid)
    assert psutil.Process().num_fds() <= before


async def test_neither_template_nor_child_outlives_a_parent_that_is_killed(
    wrapper: Path, program: Path, tmp_path: Path
) -> None:
    program.write_text("""
import os, time
from child.confinement import confine
family = os.getppid(), os.getpid()
confine()
print(*family, flush=True)
time.sleep(1_000)
""")
    output = tmp_path / "output"
    code = f"""
import signal
from pathlib import Path
from rekindle.adapters.confined.template import Template
template = Template(Path({str(wrapper)!r}))
with open("/dev/null") as nothing, open({str(output)!r}, "w") as said:
    child = template.fork("order", [nothing.fileno(), said.fileno(), said.fileno()])
signal.pause()
"""
    output.touch()
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    try:
        await _until(lambda: output.read_text().endswith("\n"))
        left = [psutil.Process(int(pid)) for pid in output.read_text().split()]
    finally:
        parent.kill()
        await parent.wait()
    await _until(lambda: not any(_lives(process) for process in left))


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and not _is_zombie(process.pid)


async def test_the_scheduling_of_the_parent_is_not_handed_down(
    wrapper: Path, program: Path, tmp_path: Path
) -> None:
    program.write_text("import os; print(os.sched_getscheduler(0))")
    output = tmp_path / "output"
    code = f"""
import asyncio, os
from pathlib import Path
from rekindle.adapters.confined.template import Template
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # anybody may; real time is for root
async def main():
    template = Template(Path({str(wrapper)!r}))
    with open("/dev/null") as nothing, open({str(output)!r}, "w") as said:
        files = [nothing.fileno(), said.fileno(), said.fileno()]
        with template.fork("order", files) as child:
            assert await child.exit_code() == 0
asyncio.run(main())
"""
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "dev", "-W", "error", "-c", code
    )
    assert await run.wait() == 0
    assert int(output.read_text()) == os.SCHED_OTHER


@pytest.mark.parametrize("decoder", list(Decoder))
async def test_the_template_of_a_decoder_has_one_thread_and_nothing_open(
    decoder: Decoder, tmp_path: Path
) -> None:
    others = psutil.Process().children()
    template = Template(PROGRAM, decoder)
    child = Forked(template, tmp_path / "output")  # its order makes no sense
    assert await child.ends() == 1
    [process] = [child for child in psutil.Process().children() if child not in others]
    assert process.num_threads() == 1
    assert process.environ().keys() <= {"LC_CTYPE"}
    await _until(lambda: process.num_fds() == 3)  # it tells an end before it closes what told it
    template.close()


def test_decoders_of_a_kind_share_a_template() -> None:
    photo, video = template_of(Decoder.PHOTO), template_of(Decoder.VIDEO)
    assert template_of(Decoder.PHOTO) is photo
    assert photo is not video
