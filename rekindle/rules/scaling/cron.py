"""Five-field cron expressions: at which minutes pods are kept warm."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True)
class Prewarm:
    """At least `pods` pods in every minute that `fields` match.

    Attributes:
        fields: allowed minutes, hours, days of the month, months, days of the week (Sunday is 0).
        pods: how many.
        either_day: day of month and day of week are both restricted; then one match is enough.
    """

    fields: tuple[frozenset[int], ...]
    pods: int
    either_day: bool = False

    @classmethod
    def parse(cls, expression: str, pods: int) -> "Prewarm":
        """Read `minute hour day month weekday`, each `*`, `a`, `a-b`, with `/step`, with commas.

        Raises:
            ValueError: it is not such an expression.
        """
        words = expression.split()
        if len(words) != len(_BOUNDS) or pods < 0:
            raise ValueError(f"{expression!r} is not five cron fields")
        fields = [_field(word, low, high) for word, (low, high) in zip(words, _BOUNDS, strict=True)]
        fields[4] = frozenset(day % 7 for day in fields[4])
        return cls(tuple(fields), pods, not words[2].startswith("*") and words[4][0] != "*")

    def matches(self, moment: datetime) -> bool:
        """Whether the minute of `moment`, as its own time zone writes it, is one of them."""
        minutes, hours, days, months, weekdays = self.fields
        day, weekday = moment.day in days, moment.isoweekday() % 7 in weekdays
        on_day = (day or weekday) if self.either_day else (day and weekday)
        return (
            moment.minute in minutes and moment.hour in hours and moment.month in months and on_day
        )


def prewarmed(entries: tuple[Prewarm, ...], now: datetime, ahead_seconds: float) -> int:
    """The most pods that any entry wants in a minute between now and `ahead_seconds` later."""
    if not entries:
        return 0
    minutes = [now + timedelta(minutes=m) for m in range(int(ahead_seconds // 60) + 1)]
    minutes.append(now + timedelta(seconds=ahead_seconds))
    wanted = (e.pods for e in entries if any(e.matches(minute) for minute in minutes))
    return max(wanted, default=0)


def parse_prewarm(text: str) -> tuple[Prewarm, ...]:
    """Read `cron=count` entries separated by semicolons, as in `* 8-18 * * 1-5=2`.

    Raises:
        ValueError: an entry is not of that form.
    """
    entries = []
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        expression, equals, pods = entry.rpartition("=")
        if not equals or not pods.strip().isdecimal():
            raise ValueError(f"{entry!r} is not `cron=count`")
        entries.append(Prewarm.parse(expression, int(pods)))
    return tuple(entries)


def _field(text: str, low: int, high: int) -> frozenset[int]:
    allowed: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        begin = low if span == "*" else int(first)
        end = high if span == "*" or (slash and not dash) else int(last) if dash else begin
        stride = int(step) if slash else 1
        if not (low <= begin <= end <= high and stride > 0):
            raise ValueError(f"{text!r} is not within {low}-{high}")
        allowed.update(range(begin, end + 1, stride))
    return frozenset(allowed)
