"""docs/security.md names a test for every case, and every test that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[2]
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
CASES = {
    *(f"U{number}" for number in range(1, 9)),
    *(f"{letter}{number}" for letter in "JA" for number in range(1, 6)),
    *("P1", "P2", "S1", "W1", "L1", "H1"),
}
ROW = re.compile(r"^\| (?P<case>[^|]+) \| (?P<holds>[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def rows() -> dict[str, list[tuple[str, str]]]:
    """Of each case, the tests that show it: file and name."""
    found = {row["case"]: NAMED.findall(row["tests"]) for row in ROW.finditer(PAGE)}
    return {case: tests for case, tests in found.items() if case not in {"case", "---"}}


@cache
def functions_of(path: Path) -> dict[str, list[str]]:
    """The functions of a file, each with its decorators."""
    return {
        node.name: [ast.unparse(decorator) for decorator in node.decorator_list]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def test_every_case_has_a_test() -> None:
    assert CASES - rows().keys() == set()
    assert [case for case, tests in rows().items() if not tests] == []
    assert sum(map(len, rows().values())) == len(NAMED.findall(PAGE)) > 100


def test_every_test_that_is_named_is_there_and_not_switched_off() -> None:
    absent = [
        f"{file}::{name}"
        for tests in rows().values()
        for file, name in tests
        if not (TESTS / file).is_file() or name not in functions_of(TESTS / file)
    ]
    assert absent == []
    switched_off = [
        f"{file}::{name}"
        for tests in rows().values()
        for file, name in tests
        if any("mark.skip(" in each or "xfail" in each for each in functions_of(TESTS / file)[name])
    ]
    assert switched_off == []
