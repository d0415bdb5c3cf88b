"""What operators are told about the fleet is there."""

import re
from pathlib import Path

from rekindle.contracts.pods import PodEnding
from rekindle.settings import Settings

GUIDE = Path(__file__).parents[2] / "docs" / "operators.md"


def section(title: str) -> str:
    return GUIDE.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_end_of_a_pod_is_explained_and_no_other() -> None:
    told = re.findall(r"^\| `(\w+)` \|", section("Renting pods"), flags=re.MULTILINE)
    assert sorted(told) == sorted(PodEnding)


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=0)?`", section("Renting pods")))
    assert len(named) > 15
    assert {name for name in named if name.lower() not in Settings.model_fields} == set()
