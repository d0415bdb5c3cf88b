"""Rules of this project that no general scanner knows, as questions to a file's syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeGuard

Finder = Callable[[ast.Module], Iterator[ast.AST]]


@dataclass(frozen=True)
class Rule:
    """What must not be in a file, and the files where it may.

    Attributes:
        finds: every place in a tree that breaks the rule.
        exempt: beginnings of paths where it is allowed.
    """

    finds: Finder
    exempt: tuple[str, ...] = ()

    def breaks(self, path: PurePosixPath, tree: ast.Module) -> list[str]:
        """Where a file breaks the rule, as `path:line`."""
        if path.as_posix().startswith(self.exempt):
            return []
        return [f"{path}:{getattr(node, 'lineno', 0)}" for node in self.finds(tree)]


MEASURING = "deploy/bench/"

_DECODERS = {"PIL", "pillow_heif", "av", "cv2", "imageio", "skimage", "wand", "pyvips", "rawpy"}


def _decoders(tree: ast.Module) -> Iterator[ast.AST]:
    """Imports of what decodes pictures or films, also by name and inside a function."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and _called(node).endswith(("import_module", "__import__")):
            names = [arg.value for arg in node.args if _is_text(arg)]
        if any(name.partition(".")[0] in _DECODERS for name in names):
            yield node


_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log", "bind"}
_LOGGER = re.compile(r"(^|[._])(get_?)?log(ger|ging)?$", re.IGNORECASE)
_PRIVATE = re.compile(
    r"(^|_)(urls?|uri|token|secret|password|email|authorization|cookie|api_key|signature|presigned"
    r"|credentials?|headers)(_|$)|^prompt(_text)?$"
)


def _private_words(tree: ast.Module) -> Iterator[ast.AST]:
    """Calls of a logger that are handed a variable or attribute with a private name."""
    for call in _calls(tree):
        owner, _, method = _called(call).rpartition(".")
        if method in _LEVELS and _LOGGER.search(owner):
            parts = [*call.args, *(keyword.value for keyword in call.keywords)]
            if any(_PRIVATE.search(name) for part in parts for name in _names(part)):
                yield call


_CLIENTS = re.compile(
    r"^httpx\.(AsyncClient|Client|get|post|put|patch|delete|head|request|stream)$"
)
_CONNECTS = ("urlopen", "socket.create_connection", "http.client.HTTPSConnection")


def _patient_clients(tree: ast.Module) -> Iterator[ast.AST]:
    """Clients and connections that are given no time-out, or none on purpose."""
    for call in _calls(tree):
        name = _called(call)
        if _CLIENTS.match(name) or name.endswith(_CONNECTS):
            timeouts = [word.value for word in call.keywords if word.arg == "timeout"]
            if not timeouts or any(_is_none(value) for value in timeouts):
                yield call


def _followers(tree: ast.Module) -> Iterator[ast.AST]:
    """Whoever follows redirects: an address that was looked at leads to one that was not."""
    for call in _calls(tree):
        for word in call.keywords:
            off = isinstance(word.value, ast.Constant) and word.value.value is False
            if word.arg in {"follow_redirects", "allow_redirects"} and not off:
                yield call
    for node in ast.walk(tree):
        # This one follows by itself; `rekindle.adapters.comfyui.socket` does not.
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("websockets"):
            yield from (alias for alias in node.names if alias.name == "connect")


_STATEMENTS = {"text", "execute", "executemany", "exec_driver_sql", "scalars", "scalar"}


def _written_sql(tree: ast.Module) -> Iterator[ast.AST]:
    """SQL with anything written into it but the module's own constants."""
    for call in _calls(tree):
        if _called(call).rpartition(".")[2] in _STATEMENTS and call.args:
            first = call.args[0]
            if _is_put_together(first) and not all(map(_is_constant, _inserted(first))):
                yield call


def _unpinned_tokens(tree: ast.Module) -> Iterator[ast.AST]:
    """Tokens decoded by whatever algorithm they name."""
    for call in _calls(tree):
        name = _called(call)
        if name.endswith(("jwt.decode", "jws.deserialize_compact")) and not any(
            # joserfc's registry is made for the algorithms that are allowed.
            word.arg in {"algorithms", "registry"}
            for word in call.keywords
        ):
            yield call


RULES = {
    "no decoder outside the child": Rule(
        _decoders,
        # Pictures of our own making, and the engine that stands in for a pod.
        ("rekindle/adapters/confined/child/", "deploy/", "simulators/comfyui/"),
    ),
    "no private value for a logger": Rule(_private_words),
    "no client without a time-out": Rule(
        _patient_clients,
        (MEASURING,),  # is watched by who runs it, and httpx waits five seconds by itself
    ),
    "no redirect is followed": Rule(
        _followers,
        (
            # The command line's own user named the address, and may go where it leads.
            "deploy/cli/",
            # A stand-in, and the one place that takes the library's habit away.
            "simulators/runpod/wire/forward.py",
            "rekindle/adapters/comfyui/socket.py",
        ),
    ),
    "no SQL put together from values": Rule(
        _written_sql,
        # A revision writes the names of tables and indexes, from its own source.
        ("rekindle/migrations/versions/",),
    ),
    "no token decoded by an algorithm of its own choice": Rule(_unpinned_tokens),
}


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    """The name that is called with its owners, such as `self._log.info`."""
    words, node = [], call.func
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    if isinstance(node, ast.Call):
        words.append(_called(node))
    elif isinstance(node, ast.Name):
        words.append(node.id)
    return ".".join(reversed(words))


def _names(node: ast.AST) -> Iterator[str]:
    """Every identifier and key below a node that could stand for a value, never a literal text."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id.lower()
        elif isinstance(part, ast.Attribute):
            yield part.attr.lower()
        elif isinstance(part, ast.Subscript) and _is_text(part.slice):
            yield part.slice.value.lower()


def _is_put_together(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    return isinstance(node, (ast.JoinedStr, ast.BinOp))


def _inserted(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.JoinedStr):
        yield from (part.value for part in node.values if isinstance(part, ast.FormattedValue))
    elif isinstance(node, ast.BinOp):
        yield from (part for part in (node.left, node.right) if not _is_text(part))
    elif isinstance(node, ast.Call):
        yield from (*node.args, *(word.value for word in node.keywords))


def _is_constant(node: ast.expr) -> bool:
    """A name in capitals, or an identifier that psycopg quotes."""
    if isinstance(node, ast.Name):
        return node.id.isupper()
    return isinstance(node, ast.Call) and _called(node) == "sql.Identifier"


def _is_text(node: ast.AST) -> TypeGuard[_Text]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


class _Text(ast.Constant):
    """A literal text."""

    value: str
