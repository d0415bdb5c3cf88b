"""Nested form fields become a tree."""

import pytest

from simulators.stripe.account.refusal import Refusal
from simulators.stripe.wire.fields import Fields
from simulators.stripe.wire.forms import Node, decode


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[b]=1&a[c][d]=2", {"a": {"b": "1", "c": {"d": "2"}}}),
        ("a[0][b]=1&a[1][b]=2", {"a": {"0": {"b": "1"}, "1": {"b": "2"}}}),
        ("a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}),
        ("a%5Bb%5D=%C3%A9+%26", {"a": {"b": "é &"}}),
        ("a=1&a=2", {"a": "2"}),
    ],
    ids=["empty", "flat", "groups", "a list", "a list without numbers", "escaped", "twice"],
)
def test_names_in_brackets_nest(text: str, tree: dict[str, Node]) -> None:
    assert decode(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "a[b=1",
        "a]=1",
        "[a]=1",
        "a=1&a[b]=2",
        "a[b]=1&a=2",
        "a" + "[b]" * 9 + "=1",
        "a=%ff",
        "a[b]c=1",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        decode(text)


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(Refusal):
        decode("&".join(f"a{number}=1" for number in range(1001)))


def test_lists_are_read_in_the_order_of_their_numbers() -> None:
    fields = Fields(decode("a[10]=k&a[2]=c"))
    assert fields.texts("a") == ["c", "k"]


def test_what_nobody_reads_is_unknown_at_any_depth() -> None:
    fields = Fields(decode("a[0][b]=1&a[0][c]=2"))
    (group,) = fields.groups("a")
    assert group.whole("b") == 1
    with pytest.raises(Refusal, match=r"a\[0\]\[c\]"):
        fields.done()
