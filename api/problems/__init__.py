"""Errors as RFC 9457 problem details: the document, who turns what into it, and its description.

`rekindle.errors` says what can go wrong; here is only how that looks over HTTP.
"""

from api.problems.document import FieldProblem, Problem, problem_response
from api.problems.handlers import EXCEPTION_HANDLERS
from api.problems.openapi import (
    command_problems,
    guarded_problems,
    operator_problems,
    problems,
)

__all__ = [
    "EXCEPTION_HANDLERS",
    "FieldProblem",
    "Problem",
    "command_problems",
    "guarded_problems",
    "operator_problems",
    "problem_response",
    "problems",
]
