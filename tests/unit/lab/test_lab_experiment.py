"""The production policy in the laboratory."""

from xml.etree import ElementTree

import numpy as np
import pytest

from deploy.lab.experiment import Experiment
from deploy.lab.plot import svg
from deploy.lab.rivals import one_to_one
from deploy.lab.score import Score, score
from deploy.lab.simulation import simulate
from deploy.lab.trace import FREE, beginning, made_of
from deploy.lab.twin import twin
from deploy.lab.world import World
from rekindle.rules.scaling import ClassPolicy

POLICY = ClassPolicy(max_pods=40)


def scores(world: World, *, days: int = 4, train: float = 2) -> tuple[Score, Score]:
    """Of the policy and of one pod per job with the idle time-out of a boot."""
    experiment = Experiment(twin(7, days=days), world, POLICY, train)
    ours, rival = experiment.scored([experiment.ours(1200), one_to_one(120)])
    return ours, rival


def test_it_is_cheaper_than_one_to_one_and_lets_fewer_wait() -> None:
    ours, rival = scores(World(max_pods=40))
    assert ours.paid_hours < rival.paid_hours
    assert ours.p95 < rival.p95
    assert ours.late < rival.late
    assert ours.most_pods < rival.most_pods


def test_random_boots_failures_and_losses_neither_strand_a_job_nor_pass_the_maximum() -> None:
    world = World(boot=30, boot_most=300, boot_failures=0.2, lost_per_day=5, max_pods=6, seed=2)
    ours, _ = scores(world)
    assert ours.failures > 0
    assert ours.most_pods <= 6
    assert ours.p99 < 3600


def test_the_knob_trades_money_for_waiting() -> None:
    experiment = Experiment(twin(7, days=3), World(max_pods=40), POLICY, 2)
    frugal, generous = experiment.scored([experiment.ours(100), experiment.ours(6400)])
    assert frugal.cost_ratio < generous.cost_ratio
    assert frugal.late > generous.late


def test_the_knob_is_fitted_on_the_training_days_alone() -> None:
    arrivals = np.cumsum(np.random.default_rng(1).exponential(90, 800)).tolist()
    whole = made_of([(arrival, 20.0, FREE) for arrival in arrivals])
    experiment = Experiment(whole, World(max_pods=9), POLICY, 0.5)
    week = beginning(whole, experiment.begin)

    def p95(knob: float) -> float:
        run = simulate(week, experiment.ours(knob), experiment.world)
        return score("", week, run, optimum=1, begin=0, end=experiment.begin).p95

    fitted = experiment.fitted()
    shorter = beginning(whole, 1.2 * experiment.begin)
    assert Experiment(shorter, World(max_pods=9), POLICY, 0.5).fitted() == fitted
    assert p95(fitted) <= POLICY.target_wait_seconds < p95(fitted / 2)
    assert experiment.with_knob(fitted).ours().name == f"Rekindle, {fitted:g} s"


def test_the_same_experiment_has_the_same_score() -> None:
    assert scores(World(boot_failures=0.2), days=3) == scores(World(boot_failures=0.2), days=3)


@pytest.mark.parametrize("train", [1, 40])
def test_days_without_a_job_cannot_be_scored(train: float) -> None:
    trace = made_of([(10, 10, FREE), (20, 10, FREE)])
    with pytest.raises(ValueError, match="no job arrives"):
        Experiment(trace, World(), POLICY, train)


def test_the_plot_is_well_formed_and_names_everybody() -> None:
    ours, rival = scores(World(max_pods=40), days=3)
    slow = Score("slow & <cheap>", 1, 0.5, 0.5, 1, 1, 4000, 5000, 0.9, 1, 0)
    picture = svg([ours], [rival, slow], "a < b")
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {ours.name, rival.name, "a < b"} <= set(texts)
    assert any("slow & <cheap>" in text for text in texts)
