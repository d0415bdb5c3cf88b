"""`rekindle fleet status`."""

import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deploy.cli.operating import OperatorDataOption, open_transaction, operator_settings
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import NONE, dollars, duration, exact, print_table

if TYPE_CHECKING:
    from rekindle.settings import Settings
    from rekindle.store.overview import ClassOverview, FleetOverview, OpenPod


def status(data: OperatorDataOption = None, as_json: JsonOption = False) -> None:
    """Show each class: pods wanted and there, their age and idle time, work, and money spent."""
    with reported(as_json=as_json):
        document = asyncio.run(_read(data))
        if as_json:
            answer_json(document)
        else:
            _show(document)


async def _read(data: Path | None) -> dict[str, Any]:
    from rekindle.store.overview import overview

    settings = operator_settings(data)
    async with open_transaction(settings) as session:
        return _document(await overview(session), settings)


def _document(fleet: "FleetOverview", settings: "Settings") -> dict[str, Any]:
    """Times in seconds, exact money as text."""
    return {
        "at": fleet.at.isoformat(),
        "spend": {
            "hour_usd": exact(fleet.hour_usd),
            "hour_limit_usd": exact(settings.spend_per_hour),
            "day_usd": exact(fleet.day_usd),
            "day_limit_usd": exact(settings.spend_per_day),
            "usd_per_hour": exact(fleet.usd_per_hour),
        },
        "classes": [_class(each, fleet.at, settings) for each in fleet.classes],
    }


def _spend(each: "ClassOverview", settings: "Settings") -> dict[str, str | None]:
    """What a class has cost, beside limits of its own if it has some."""
    limits = {
        "image": (settings.image_spend_per_hour, settings.image_spend_per_day),
        "video": (settings.video_spend_per_hour, settings.video_spend_per_day),
    }
    hour, day = (None if usd is None else f"{usd:.6f}" for usd in limits[each.gpu_class.value])
    return {
        "hour_usd": f"{each.hour_usd:.6f}",
        "hour_limit_usd": hour,
        "day_usd": f"{each.day_usd:.6f}",
        "day_limit_usd": day,
    }


def _class(each: "ClassOverview", at: datetime, settings: "Settings") -> dict[str, Any]:
    decision = each.decision
    decided_at = decision and decision.decided_at
    return {
        "class": each.gpu_class.value,
        "wanted": decision and decision.wanted,
        "reason": decision and decision.reason,
        "decided_at": decided_at and decided_at.isoformat(),
        "decided_seconds_ago": decided_at and max((at - decided_at).total_seconds(), 0.0),
        "spend": _spend(each, settings),
        "queued": each.queued,
        "running": each.running,
        "pods_by_state": dict(sorted(Counter(pod.record.state for pod in each.pods).items())),
        "pods": [_pod(pod) for pod in each.pods],
    }


def _pod(pod: "OpenPod") -> dict[str, Any]:
    record = pod.record
    return {
        "id": record.id,
        "number": record.number,
        "generation": record.generation,
        "state": str(record.state),
        "age_seconds": pod.age_seconds,
        "idle_seconds": pod.idle_seconds,
        "running": pod.running,
        "usd_per_hour": exact(record.usd_per_hour),
        "gpu_type": record.gpu_type,
        "data_center": record.data_center,
        "machine": record.machine,
    }


def _show(document: dict[str, Any]) -> None:
    from decimal import Decimal

    spend = {name: Decimal(usd) for name, usd in document["spend"].items()}
    typer.echo(
        f"Spent this hour {dollars(spend['hour_usd'])} of {dollars(spend['hour_limit_usd'])}, "
        f"today {dollars(spend['day_usd'])} of {dollars(spend['day_limit_usd'])}; "
        f"now {dollars(spend['usd_per_hour'])} an hour."
    )
    for each in document["classes"]:
        typer.echo(f"\n{each['class']}: {_summary(each)}")
        if each["pods"]:
            headings = ("pod", "state", "age", "idle", "running", "an hour", "GPU", "machine")
            print_table(headings, [_row(pod) for pod in each["pods"]])


def _summary(each: dict[str, Any]) -> str:
    if each["wanted"] is None:
        wanted = "nobody has decided yet"
    else:
        ago = duration(each["decided_seconds_ago"])
        wanted = f"{each['wanted']} wanted ({each['reason']}, {ago} ago)"
    states = ", ".join(f"{count} {state}" for state, count in each["pods_by_state"].items())
    work = f"{each['queued']} queued, {each['running']} running"
    return f"{wanted}; pods: {states or 'none'}; work: {work}{_limited(each['spend'])}"


def _limited(spend: dict[str, str | None]) -> str:
    """What was spent of the limits that a class has for itself."""
    from decimal import Decimal

    told = [
        f"{dollars(Decimal(spend[f'{time}_usd'] or 0))} of {dollars(Decimal(limit))} this {time}"
        for time in ("hour", "day")
        if (limit := spend[f"{time}_limit_usd"]) is not None
    ]
    return f"; spent {', '.join(told)}" if told else ""


def _row(pod: dict[str, Any]) -> tuple[str, ...]:
    from decimal import Decimal

    rate = pod["usd_per_hour"]
    return (
        pod["id"],
        pod["state"],
        duration(pod["age_seconds"]),
        duration(pod["idle_seconds"]),
        str(pod["running"]),
        dollars(None if rate is None else Decimal(rate)),
        pod["gpu_type"] or NONE,
        pod["machine"] or NONE,
    )
