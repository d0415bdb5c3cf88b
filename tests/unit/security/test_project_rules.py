"""The product keeps its own rules, and each rule finds what it is for."""

import ast
from pathlib import Path, PurePosixPath

import pytest

from tests.unit.security.project_rules import MEASURING, RULES

ROOT = Path(__file__).parents[3]
ROOMS = (
    "activities",
    "api",
    "comfy_graphs",
    "deploy",
    "rekindle",
    "simulators",
    "worker",
    "workflows_temporal",
)
SOMEWHERE = PurePosixPath("api/somewhere.py")

BROKEN = {
    "no decoder outside the child": (
        "import PIL.Image",
        "def preview(data):\n    from PIL import Image\n    return Image.open(data)",
        "import av as film",
        "decoder = importlib.import_module('pillow_heif')",
        "decoder = __import__('cv2')",
    ),
    "no private value for a logger": (
        "log.info('sent', to=address.email)",
        "self._log.warning('no answer from %s', url)",
        "_LOG.info(f'calling {target_url}')",
        "logging.getLogger(__name__).debug(request.headers)",
        "structlog.get_logger().bind(token=token)",
        "logger.error('refused', given=row['api_key'])",
        "_LOG.info('asked', text=wish.prompt)",
    ),
    "no client without a time-out": (
        "client = httpx.AsyncClient(base_url=address)",
        "reply = httpx.get(address)",
        "client = httpx.Client(timeout=None)",
        "reply = urllib.request.urlopen(address)",
        "line = socket.create_connection((host, 80))",
    ),
    "no redirect is followed": (
        "httpx.AsyncClient(timeout=5, follow_redirects=True)",
        "client.get(address, follow_redirects=wanted)",
        "from websockets.asyncio.client import ClientConnection, connect",
    ),
    "no SQL put together from values": (
        "session.execute(text(f\"select * from jobs where user_id = '{user}'\"))",
        "session.execute(text('select * from ' + table))",
        "connection.execute('select %s' % name)",
        "connection.execute('select {}'.format(name))",
        'text(f"""select {column} from jobs""")',
    ),
    "no token decoded by an algorithm of its own choice": (
        "claims = jwt.decode(token, key).claims",
        "claims = authlib.jose.jwt.decode(token, key)",
    ),
}

KEPT = {
    "no decoder outside the child": ("import average", "from pathlib import Path"),
    "no private value for a logger": (
        "log.info('no url was given', job_id=job_id)",
        "_LOG.info('prompt_posted', prompt=prompt_id)",
        "catalogue.info(url)",
    ),
    "no client without a time-out": (
        "httpx.AsyncClient(timeout=5)",
        "httpx.Timeout(5)",
        "mapping.get(address)",
    ),
    "no redirect is followed": ("httpx.AsyncClient(timeout=5, follow_redirects=False)",),
    "no SQL put together from values": (
        "session.execute(text('select * from jobs where id = :id'), {'id': job_id})",
        "text(f'select 1 where {_WAITING}')",
        "sql.SQL('listen {}').format(sql.Identifier(channel))",
    ),
    "no token decoded by an algorithm of its own choice": (
        "jwt.decode(token, keys, algorithms=['RS256', 'ES256'])",
    ),
}


def _product() -> dict[PurePosixPath, ast.Module]:
    """Every Python file of the rooms, by its path from the root."""
    return {
        PurePosixPath(path.relative_to(ROOT).as_posix()): ast.parse(path.read_text())
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
    }


def test_no_file_breaks_a_rule_and_every_exemption_is_needed() -> None:
    # One test: reading every file takes a second.
    product = _product()
    assert len(product) > 500
    assert {path.parts[0] for path in product} == set(ROOMS)

    broken = {
        name: [place for path, tree in product.items() for place in rule.breaks(path, tree)]
        for name, rule in RULES.items()
    }
    assert broken == {name: [] for name in RULES}

    for rule in RULES.values():
        for beginning in set(rule.exempt) - {MEASURING}:
            exempt = [tree for path, tree in product.items() if _is_below(path, beginning)]
            assert any(place for tree in exempt for place in rule.finds(tree)), beginning


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name in RULES for text in BROKEN[name]]
)
def test_what_breaks_a_rule_is_found(name: str, text: str) -> None:
    assert RULES[name].breaks(SOMEWHERE, ast.parse(text)) == [f"{SOMEWHERE}:{_line(text)}"]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in RULES for text in KEPT[name]])
def test_what_only_looks_like_it_is_not(name: str, text: str) -> None:
    assert RULES[name].breaks(SOMEWHERE, ast.parse(text)) == []


def _is_below(path: PurePosixPath, beginning: str) -> bool:
    return path.as_posix().startswith(beginning)


def _line(text: str) -> int:
    """The planted line: the only one, or the one below its function's head."""
    return 2 if text.startswith("def ") else 1
