"""`rekindle lab`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.failures import CommandFailed, FileUnusable
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, notes, reported

if TYPE_CHECKING:
    from deploy.lab.experiment import Experiment
    from deploy.lab.score import Score
    from deploy.lab.trace import Trace


def lab(
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="CSV of arrival_seconds,duration_seconds[,priority]; from a midnight on.",
        ),
    ] = None,
    twin: Annotated[
        bool, typer.Option("--twin", help="The synthetic twin of a real service; the default.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the twin, boots and losses.")] = 0,
    days: Annotated[int, typer.Option(min=1, help="Days of the twin.")] = 19,
    copies: Annotated[int, typer.Option(min=1, help="So many times the load.")] = 1,
    flash: Annotated[
        int, typer.Option(min=0, help="How many times the crowd that comes at once is in the twin.")
    ] = 1,
    shuffle_days: Annotated[
        bool, typer.Option("--shuffle-days", help="The same days in another order.")
    ] = False,
    boot: Annotated[float, typer.Option(min=0, help="A boot takes this long, seconds.")] = 120.0,
    boot_most: Annotated[
        float | None, typer.Option(help="Boots take from --boot to this long, seconds.")
    ] = None,
    boot_failures: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of pods that never get ready.")
    ] = 0.0,
    lost_per_day: Annotated[
        float, typer.Option(min=0, help="How often a pod is lost in a day of serving.")
    ] = 0.0,
    max_pods: Annotated[int, typer.Option(min=1, help="Pods allowed.")] = 100,
    train_days: Annotated[
        float, typer.Option(min=1, help="Days that set constants and are not scored.")
    ] = 7.0,
    score_days: Annotated[
        float | None, typer.Option(min=0, help="Days after them that are scored; all by default.")
    ] = None,
    late_seconds: Annotated[
        float | None,
        typer.Option(min=0, help="Pod seconds that one job less being late is worth."),
    ] = None,
    fit: Annotated[
        bool,
        typer.Option("--fit", help="Set late-seconds on the first days, for a p95 wait of 15 s."),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Write the curve as SVG.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a trace through the autoscaling policy, beside its rivals and the exact optimum."""
    with reported(as_json=as_json):
        if trace is not None and twin:
            raise CommandFailed("Name a trace or take the twin, not both.")
        if fit and late_seconds is not None:
            raise CommandFailed("Name --late-seconds or have them fitted, not both.")
        world = {
            **{"boot": boot, "boot_most": boot_most, "boot_failures": boot_failures},
            **{"lost_per_day": lost_per_day, "max_pods": max_pods, "seed": seed},
        }
        jobs, name = _jobs(
            trace, seed=seed, days=days, flash=flash, copies=copies, is_shuffled=shuffle_days
        )
        experiment = _experiment(
            jobs, world, late_seconds, train_days=train_days, score_days=score_days
        )
        if fit:
            notes.print(f"fitting on the first {train_days:g} days")
            experiment = experiment.with_knob(experiment.fitted())
        curve, others = _run(experiment)
        if plot is not None:
            _draw(plot, curve, others, f"{name}, boot {boot:g} s")
        if as_json:
            answer_json(_document(name, experiment, curve, others))
        else:
            _show(name, experiment, curve, others)


def _jobs(
    path: Path | None, *, seed: int, days: int, flash: int, copies: int, is_shuffled: bool
) -> tuple["Trace", str]:
    try:
        from deploy.lab.trace import read_csv
        from deploy.lab.twin import copies as copied
        from deploy.lab.twin import shuffled, twin
    except ImportError as error:
        raise CommandFailed("Install it with: pip install 'rekindle[embedded]'") from error
    if path is None:
        jobs, name = twin(seed, days=days, flash=flash), f"twin {seed}"
    else:
        try:
            jobs, name = read_csv(path), path.name
        except (OSError, ValueError) as error:
            raise FileUnusable(f"{path}: {error}") from error
    if is_shuffled:
        jobs, name = shuffled(jobs, seed), f"{name}, days shuffled"
    return copied(jobs, copies, seed), name if copies == 1 else f"{name} x {copies}"


def _experiment(
    jobs: "Trace",
    world: dict[str, Any],
    late_seconds: float | None,
    *,
    train_days: float,
    score_days: float | None,
) -> "Experiment":
    from deploy.lab.experiment import Experiment
    from deploy.lab.world import World
    from rekindle.rules.scaling import ClassPolicy

    policy = ClassPolicy(max_pods=world["max_pods"])
    if late_seconds is not None:
        policy = ClassPolicy(max_pods=world["max_pods"], late_seconds=late_seconds)
    try:
        return Experiment(jobs, World(**world), policy, train_days, score_days)
    except ValueError as error:
        raise CommandFailed(f"There is nothing to score: {error}.") from error


def _run(experiment: "Experiment") -> tuple[list["Score"], list["Score"]]:
    curve, others = experiment.curve(), experiment.others()
    scores: list[Score] = []
    for score in experiment.scored([*curve, *others]):
        notes.print(f"{len(scores) + 1}/{len(curve) + len(others)} {score.name}")
        scores.append(score)
    return scores[: len(curve)], scores[len(curve) :]


def _draw(path: Path, curve: list["Score"], others: list["Score"], title: str) -> None:
    from deploy.lab.plot import svg

    try:
        path.write_text(svg(curve, others, title), encoding="utf-8")
    except OSError as error:
        raise FileUnusable(f"{path}: {error}") from error


def _document(
    name: str, experiment: "Experiment", curve: list["Score"], others: list["Score"]
) -> dict[str, Any]:
    def line(score: "Score") -> dict[str, Any]:
        # A job that never began waited for ever, which JSON has no number for.
        return {k: None if v == float("inf") else v for k, v in vars(score).items()}

    return {
        "trace": {"name": name, "jobs": len(experiment.trace.arrivals)},
        "world": vars(experiment.world),
        "scored_days": [experiment.train_days, experiment.end / 86_400],
        "optimum_hours": experiment.optimum / 3600,
        "late_seconds": experiment.policy.late_seconds,
        "rekindle": [line(score) for score in curve],
        "others": [line(score) for score in others],
    }


def _show(name: str, experiment: "Experiment", curve: list["Score"], others: list["Score"]) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{name}: {len(experiment.trace.arrivals)} jobs"
    title += f", optimum {experiment.optimum / 3600:.1f} pod hours without waiting"
    table = Table(title=title, box=None, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("policy", no_wrap=True)
    for heading in ("cost", "busy", "p50", "p90", "p95", "p99", "late", "pods"):
        table.add_column(heading, justify="right")
    for score in (*curve, *others):
        waits = (f"{wait:.0f}" for wait in (score.p50, score.p90, score.p95, score.p99))
        table.add_row(
            score.name,
            f"{score.cost_ratio:.2f}",
            f"{score.busy:.2f}",
            *waits,
            f"{score.late:.1%}",
            str(score.most_pods),
            style="green" if score in curve else None,
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "cost: paid over the optimum; busy: useful share of what is paid; p50 to p99: waiting, "
        "seconds; late: waited over 15 s; pods: most at once."
    )
