"""What no picture is made of: undressing, faces on other bodies, sexual content about minors. Pure.

`plain` undoes the usual disguises of words, `refused` holds the plain words against a list. It is
honest about what it is: a list of English words and patterns, with a few of other languages. It
judges words, not what is meant by them: art nudes are refused with all others, and a description
that names none of the words passes. Whoever needs more sets PROMPT_SCREENING_URL.
"""

from rekindle.rules.screening.plain import PlainWords, plain
from rekindle.rules.screening.refused import Refusal, refusal

__all__ = ["PlainWords", "Refusal", "plain", "refusal"]
