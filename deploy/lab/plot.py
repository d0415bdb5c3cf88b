"""The picture: cost over the optimum against the 95th percentile of waiting, as SVG."""

from collections.abc import Sequence
from xml.sax.saxutils import escape  # nosec B406

from deploy.lab.score import Score

WIDTH, HEIGHT, MARGIN = 860, 540, 60
LONGEST, DEAREST = 160.0, 2.4
"""What lies beyond (seconds, multiples of the optimum) is left out and named below."""

GOAL = (15.0, 1.35)


def svg(curve: Sequence[Score], others: Sequence[Score], title: str) -> str:
    """Draw it.

    Args:
        curve: the policy at several values of its knob, joined by a line.
        others: its rivals, as points.
        title: written above.
    """
    shown = [s for s in others if s.p95 <= LONGEST and s.cost_ratio <= DEAREST]
    left_out = ", ".join(s.name for s in others if s not in shown)
    line = sorted((s.p95, s.cost_ratio) for s in curve if s.p95 <= LONGEST)
    path = " ".join(f"{_x(p95):.1f},{_y(cost):.1f}" for p95, cost in line)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(WIDTH / 2, 24, title, anchor="middle", size=15),
        *_axes(),
        *_goal(),
        *(part for s in shown for part in _point(s, "#777777")),
        f'<polyline points="{path}" fill="none" stroke="#0b6e4f" stroke-width="2"/>',
        *(part for s in curve if s.p95 <= LONGEST for part in _point(s, "#0b6e4f")),
    ]
    if left_out:
        parts.append(_text(MARGIN, HEIGHT - 6, f"Beyond the picture: {left_out}.", size=11))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(p95: float) -> float:
    return MARGIN + p95 / LONGEST * (WIDTH - 2 * MARGIN)


def _y(cost: float) -> float:
    return HEIGHT - MARGIN - cost / DEAREST * (HEIGHT - 2 * MARGIN)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {place}>{escape(text)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def _axes() -> list[str]:
    grey = 'stroke="#dddddd"'
    parts = []
    for seconds in range(0, int(LONGEST) + 1, 20):
        parts.append(_line(_x(seconds), _y(0), _x(seconds), _y(DEAREST), grey))
        parts.append(_text(_x(seconds), _y(0) + 18, str(seconds), anchor="middle"))
    for tenths in range(0, int(DEAREST * 10) + 1, 4):
        parts.append(_line(_x(0), _y(tenths / 10), _x(LONGEST), _y(tenths / 10), grey))
        parts.append(_text(_x(0) - 8, _y(tenths / 10) + 4, f"{tenths / 10:.1f}", anchor="end"))
    parts.append(_text(WIDTH / 2, HEIGHT - 24, "95th percentile of waiting, s", anchor="middle"))
    parts.append(_text(8, MARGIN - 12, "cost / zero-wait optimum"))
    return parts


def _goal() -> list[str]:
    seconds, cost = GOAL
    dashed = 'stroke="#b00020" stroke-dasharray="5 4"'
    return [
        _line(_x(0), _y(cost), _x(seconds), _y(cost), dashed),
        _line(_x(seconds), _y(0), _x(seconds), _y(cost), dashed),
        _text(_x(0) + 4, _y(0) - 6, "goal", size=11),
    ]


def _point(score: Score, colour: str) -> list[str]:
    x, y = _x(score.p95), _y(score.cost_ratio)
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>',
        _text(x + 7, y - 5, score.name, size=10),
    ]
