"""A stranger's file name becomes one harmless header (RFC 6266)."""

import email.message
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.adapters.content_disposition import attachment

HEADER = re.compile(
    r'attachment; filename="[A-Za-z0-9 ._()+@=,&!-]+"'
    r"(; filename\*=UTF-8''([A-Za-z0-9._~-]|%[0-9A-F]{2})+)?"
)


def saved_as(value: str) -> str:
    """The name that a reader of RFC 2231 and RFC 8187 takes out of it."""
    message = email.message.Message()
    message["Content-Disposition"] = value
    extended = re.search(r"filename\*=\S+", value)
    if extended:
        message.replace_header("Content-Disposition", f"attachment; {extended[0]}")
    return message.get_filename() or ""


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("restored.jpg", "restored.jpg"),
        ("Oma & Opa (1931).png", "Oma & Opa (1931).png"),
        ("Großmutter.jpg", "Großmutter.jpg"),
        ("家族写真.png", "家族写真.png"),
        ('quote".jpg', 'quote".jpg'),
        ("50%41.jpg", "50%41.jpg"),
        ("../../etc/passwd", "passwd"),
        ("..\\windows\\a.jpg", "a.jpg"),
        ("a\r\nSet-Cookie: x=1.jpg", "aSet-Cookie: x=1.jpg"),
        ("a\x00b\x7f\x85c\u2028d\u2029.jpg", "abcd.jpg"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("", "download"),
        ("..", "download"),
        ("a/", "download"),
        ("\ud800", "download"),
    ],
    ids=lambda text: ascii(text),
)
def test_the_name_survives_and_what_is_dangerous_in_it_does_not(filename: str, name: str) -> None:
    assert saved_as(attachment(filename)) == name


def test_a_plain_name_needs_no_second_form() -> None:
    assert attachment("original.jpg") == 'attachment; filename="original.jpg"'


@pytest.mark.parametrize("letter", ["x", "写", "😀"], ids=["ascii", "three-bytes", "four-bytes"])
def test_a_name_of_4_kb_is_cut_before_its_suffix(letter: str) -> None:
    name = saved_as(attachment(letter * 4096 + ".jpeg"))
    assert name == letter * 115 + ".jpeg"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text())
def test_no_name_ever_leaves_the_shape_of_the_header(filename: str) -> None:
    assert HEADER.fullmatch(attachment(filename))
