import pytest

from deploy.bench.measures import Baseline, Limit, Measure, Verdict, judge


def test_a_fixed_limit_is_kept_or_not() -> None:
    assert judge(60.0, Limit(60), None) is Verdict.OK
    assert judge(60.1, Limit(60), None) is Verdict.OVER


def test_a_floor_is_kept_from_above() -> None:
    assert judge(0.95, Limit(0.92, at_least=True), None) is Verdict.OK
    assert judge(0.91, Limit(0.92, at_least=True), None) is Verdict.OVER


def test_a_fixed_limit_missed_by_less_than_the_baselines_differ_may_be_noise() -> None:
    noisy, quiet = Baseline("script", 80, 120), Baseline("script", 80, 81)
    assert judge(70.0, Limit(60), noisy) is Verdict.NOISY
    assert judge(70.0, Limit(60), quiet) is Verdict.OVER
    assert judge(50.0, Limit(60), noisy) is Verdict.OK


def test_a_baseline_much_larger_than_the_limit_excuses_only_the_same_share() -> None:
    far = Baseline("script", 700, 900)
    assert judge(200.0, Limit(60), far) is Verdict.OVER
    assert judge(62.0, Limit(60), far) is Verdict.NOISY


def test_a_baseline_much_smaller_than_the_limit_excuses_only_as_much() -> None:
    tiny = Baseline("tiny upload", 0.6, 0.1)
    assert judge(31.0, Limit(30), tiny) is Verdict.OVER


def test_a_limit_made_from_baselines_must_be_kept_by_more_than_its_doubt() -> None:
    script = Baseline("script", 1.00, 1.02)
    limit = Limit(script.mean + 0.10, doubt=script.spread / 2)
    assert judge(1.09, limit, script) is Verdict.OK
    assert judge(1.115, limit, script) is Verdict.NOISY
    assert judge(1.13, limit, script) is Verdict.OVER


@pytest.mark.parametrize("value", [1.05, 1.25])
def test_there_is_no_result_where_baselines_differ_by_more_than_the_effect(value: float) -> None:
    script = Baseline("script", 1.0, 1.3)
    assert judge(value, Limit(1.0, doubt=0.0), script) is Verdict.NOISY


def test_a_baseline_in_another_unit_gives_no_ratio_and_excuses_nothing() -> None:
    beside = Baseline("1 slot", 170, 190, unit="MB")
    row = Measure("slot_memory", "", 4.0, "MB", limit=Limit(3, doubt=0.5), baseline=beside)
    assert (row.ratio, row.verdict) == (None, Verdict.OVER)
    assert judge(70.0, Limit(60), beside) is Verdict.OVER


def test_the_ratio_is_to_the_mean_of_both_baselines() -> None:
    assert Measure("", "", 3.0, "s", baseline=Baseline("", 1.0, 2.0)).ratio == 2.0
    assert Measure("", "", 3.0, "s", baseline=Baseline("", 0.0, 0.0)).ratio is None
    assert Measure("", "", 3.0, "s").verdict is None
