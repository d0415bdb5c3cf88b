"""Words as they were before somebody disguised them. Pure.

Undone are: case, accents and full-width forms, letters of other alphabets that look like Latin
ones, digits and signs for letters (`n4k3d`), letters set apart (`n a k e d`, `n.a.k.e.d`), letters
drawn out (`nakeeed`) and invisible characters.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LOOKALIKES = str.maketrans(
    "авекмнорстухіјѕԁһɡıłøđαβεηικνορτυχω",
    "abekmhopctyxijsdhgilodabenikvoptuxw",
)
_SIGNS = str.maketrans("0345789@$€!|", "oeastbgaseii")
_ONES = {"i": str.maketrans("1", "i"), "l": str.maketrans("1|!", "lll")}
_OWNER = re.compile(r"(?<=\w)['`\u2019\u00b4]s\b")
_PIECE = re.compile(r"[a-z0-9@$€!|*]+")
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_LEAST_RUN = 3

OWNER = "whose"
"""Stands for the `'s` of an owner."""


@dataclass(frozen=True)
class PlainWords:
    """What was said.

    Attributes:
        texts: every reading of it, words separated by single spaces: digits as they are, or as
            letters; `1` may be an i or an l, and a letter drawn out may be meant once or twice.
        runs: letters that were set apart, joined; the first and the last may not belong to them.
        masked: words with `.` where a letter was hidden.
    """

    texts: tuple[str, ...]
    runs: tuple[str, ...]
    masked: tuple[str, ...]


def plain(prompt: str) -> PlainWords:
    """A prompt in plain words.

    Args:
        prompt: as it was written.
    """
    text = _letters(prompt)
    pieces = [piece.strip("!|") for piece in _PIECE.findall(_OWNER.sub(f" {OWNER}", text))]
    masked = [each.replace("*", ".") for each in pieces if re.search(r"[a-z]\*+[a-z]", each)]
    words = [word for piece in pieces for word in piece.split("*") if word]
    joined, runs = _joined(words)
    readings = [_reading(joined, one, times) for one in _ONES for times in (1, 2)]
    texts = dict.fromkeys(" ".join(each) for each in (joined, *readings))
    read_runs = dict.fromkeys(_unsigned(run, one) for run in runs for one in _ONES)
    return PlainWords(tuple(texts), tuple(read_runs), tuple(_unsigned(m, "i") for m in masked))


def _letters(prompt: str) -> str:
    """Without case, accents and invisible characters, in Latin letters."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", prompt).casefold())
    kept = (each for each in apart if unicodedata.category(each) not in ("Mn", "Me", "Cf"))
    return "".join(kept).translate(_LOOKALIKES)


def _joined(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words, and those that were made of single letters, which are among them too."""
    found: list[str] = []
    runs: list[str] = []
    for run in _grouped(words):
        if len(run) >= _LEAST_RUN:
            runs.append("".join(run))
            found.append(runs[-1])
        else:
            found.extend(run)
    return found, runs


def _grouped(words: Sequence[str]) -> Iterator[list[str]]:
    """Single letters that follow one another together, everything else alone."""
    run: list[str] = []
    for word in words:
        if len(word) == 1:
            run.append(word)
            continue
        if run:
            yield run
            run = []
        yield [word]
    if run:
        yield run


def _reading(words: Sequence[str], one: str, times: int) -> Iterator[str]:
    return (_DRAWN_OUT.sub(r"\1" * times, _unsigned(word, one)) for word in words)


def _unsigned(word: str, one: str) -> str:
    """Letters for signs; a number stays a number."""
    if not re.search("[a-z]", word):
        return word
    return word.translate(_ONES[one]).translate(_SIGNS)
