"""What each part makes of its readings."""

from dataclasses import replace

import pytest

from deploy.bench.fleet import FleetReadings
from deploy.bench.measures import Measure, Verdict

Rows = dict[str, Measure]


def test_a_restoration_is_held_to_the_script_and_five_round_trips(measures: Rows) -> None:
    row = measures["restore_0.5s"]
    assert row.value == pytest.approx(0.64)
    assert row.limit is not None
    # Script 0.602 s, U 11 ms; half of what each pair differs is in doubt.
    assert row.limit.at == pytest.approx(0.602 + 5 * 0.011)
    assert row.limit.doubt == pytest.approx((0.004 + 5 * 0.002) / 2)
    assert row.ratio == pytest.approx(0.64 / 0.602)
    assert (row.count, row.verdict) == (3, Verdict.OK)
    assert measures["restore_0.5s_over_script"].value == pytest.approx((0.64 - 0.602) / 0.011)


def test_the_round_trip_is_the_median_of_those_between_all_restorations(measures: Rows) -> None:
    row = measures["round_trip"]
    assert row.count == 8
    assert row.value == pytest.approx(0.011)
    assert row.baseline is not None
    assert (row.baseline.before, row.baseline.again) == pytest.approx((0.0105, 0.012))


def test_slots_stand_beside_the_script_on_the_same_servers(measures: Rows) -> None:
    busy, gap = measures["busy"], measures["gap"]
    assert busy.value == pytest.approx(8 / (2 * 4.04))
    assert busy.baseline is not None
    assert busy.baseline.before == pytest.approx(8 / (2 * 4.1))
    assert gap.value == pytest.approx(30)
    assert gap.baseline is not None
    assert [gap.baseline.before, gap.baseline.again] == pytest.approx([100, 120])
    assert (gap.count, gap.verdict) == (2, Verdict.OK)
    assert measures["worker_cpu"].value == pytest.approx(100)


def test_a_further_slot_weighs_the_slope_over_the_workers(measures: Rows) -> None:
    row = measures["slot_memory"]
    assert row.value == pytest.approx((184.5 - 170.5) / 7)
    assert row.limit is not None
    assert row.limit.at == 3
    assert row.limit.doubt == pytest.approx(1 / 7)


def test_a_waiting_job_weighs_the_slope_from_few_to_many(measures: Rows) -> None:
    row = measures["waiting_memory"]
    assert row.value == pytest.approx((385 - 341) * 1024 / 900)
    assert (row.unit, row.verdict) == ("KB", Verdict.OK)


def test_the_worst_upload_counts(measures: Rows) -> None:
    row = measures["upload_memory"]
    assert row.value == 6.0
    assert row.baseline is not None
    assert (row.baseline.before, row.baseline.again) == (0.5, 0.25)


def test_counts_of_both_workflows_are_added(measures: Rows) -> None:
    found = {name: measures[name].value for name in ("workflow_events", "history_bytes")}
    assert found == {"workflow_events": 39, "history_bytes": 7629}
    assert (measures["s3_requests"].value, measures["activities"].value) == (5, 3)


def test_events_are_told_in_milliseconds_over_all_clients(measures: Rows) -> None:
    row = measures["event_fanout"]
    assert row.count == 4
    assert row.value == pytest.approx(13)
    assert row.ratio == pytest.approx(13 / 6)


def test_a_first_job_is_told_in_round_trips(measures: Rows) -> None:
    row = measures["first_job"]
    assert row.value == pytest.approx(2)
    assert row.limit is not None
    assert (row.limit.at, row.verdict) == (3, Verdict.OK)
    # U is 11 ms, give or take 1 ms.
    assert row.limit.doubt == pytest.approx(2 / 11)


def test_paid_work_behind_a_queue_is_told_in_round_trips(measures: Rows) -> None:
    row = measures["paid_first"]
    assert row.value == pytest.approx(3)
    assert row.limit is not None
    assert (row.limit.at, row.verdict) == (5, Verdict.OK)


def test_pods_are_busy_or_not_while_every_one_had_begun_and_work_waited(measures: Rows) -> None:
    row = measures["overlap_busy"]
    # From 1.1 s, when the second pod began, to 6.1 s, when the last job was taken.
    assert row.value == pytest.approx(1 - 0.3 / 10)
    assert (row.count, row.verdict) == (5, Verdict.OK)
    assert (measures["overlap_early"].value, measures["overlap_early"].count) == (0, 7)


def test_the_longest_idle_of_any_pod_counts_and_the_ramp_does_not(measures: Rows) -> None:
    row = measures["fleet_idle"]
    # From 0.5 s, when the second pod began, to 8.5 s, when the last render was posted.
    assert row.value == pytest.approx(1.5)
    assert row.distribution is not None
    assert row.distribution.count == 2
    assert row.verdict is Verdict.OK


def test_a_render_that_did_not_succeed_is_lost(measures: Rows) -> None:
    row = measures["fleet_lost"]
    assert (row.value, row.verdict) == (1, Verdict.OVER)


def test_a_further_pod_weighs_the_slope_over_the_workers(measures: Rows) -> None:
    row = measures["fleet_pod_memory"]
    assert row.value == pytest.approx(1.5)
    assert row.limit is not None
    assert row.limit.doubt == pytest.approx(1)


def test_a_pod_that_never_had_work_was_idle_all_the_time(fleet: FleetReadings) -> None:
    larger = replace(fleet, form=replace(fleet.form, pods=3))
    (row,) = (row for row in larger.rows() if row.name == "fleet_idle")
    assert row.value == pytest.approx(8)
    assert row.verdict is Verdict.OVER


def test_webhooks_are_held_to_the_bare_route_of_the_same_run(measures: Rows) -> None:
    row, time = measures["webhook"], measures["webhook_time"]
    assert time.count == 5
    assert time.value == pytest.approx(24)
    assert time.baseline is not None
    assert [time.baseline.before, time.baseline.again] == pytest.approx([19, 21])
    assert time.ratio == pytest.approx(1.2)
    assert row.value == pytest.approx(1.2)
    assert row.limit is not None
    # The bare route differs by 2 ms of 20: half of that share is in doubt.
    assert row.limit.doubt == pytest.approx(1.2 * 0.1 / 2)
    assert row.verdict is Verdict.OK


def test_the_api_is_held_to_the_bare_app_of_the_turns_around_it(measures: Rows) -> None:
    row, tail = measures["api_get"], measures["api_get_p99"]
    # 15 ms over 11 ms, then 26 ms over 13 ms.
    assert row.value == pytest.approx((15 / 11 + 2) / 2)
    assert (row.count, row.unit) == (4, "times")
    assert row.baseline is not None
    assert (row.baseline.before, row.baseline.again) == pytest.approx((10, 13))
    assert row.note == "ours 15.0, 26.0 ms; CPU 3.00 ms, bare 2.00; 2 refused"
    assert tail.value == pytest.approx((15.98 / ((11.96 + 12) / 2) + 2) / 2)
    assert tail.limit is not None
    assert tail.limit.at == 2


def test_looks_beside_uploads_are_held_to_another_side_of_the_same_run(measures: Rows) -> None:
    through, direct = measures["api_get_uploads"], measures["api_get_direct"]
    assert (through.value, direct.value) == pytest.approx((1.2, 1.1))
    assert through.note == "ours 12.0 ms; CPU 3.00 ms, bare 2.00; photos 8"
    assert direct.baseline is not None
    assert direct.baseline.what == "its own idle"
    assert (through.verdict, direct.verdict) == (Verdict.OK, Verdict.OK)
    assert measures["uploads_memory"].value == 52.5


def test_a_crowd_is_told_by_its_slowest_events_and_by_its_weight(measures: Rows) -> None:
    late, memory = measures["crowd_p99"], measures["listener_memory"]
    assert late.value == pytest.approx(29.8)
    assert late.note == "1 lost; CPU 3.0 ms an event"
    assert (memory.value, memory.unit, memory.count) == (40, "KB", 1024)
