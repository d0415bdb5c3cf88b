import pytest

from activities.forecast import Forecast


def test_nothing_is_expected_of_what_never_ran() -> None:
    forecast = Forecast()
    forecast.learn_handover(0.2)
    assert forecast.expect("restore") is None
    assert forecast.lead("restore") is None


def test_room_for_the_successor_is_made_a_handover_before_the_end() -> None:
    forecast = Forecast()
    forecast.learn_handover(1.0)
    forecast.learn("restore", 10.0)
    lead = forecast.lead("restore")
    assert lead is not None
    assert 8.0 < lead < 9.0


def test_work_shorter_than_a_handover_lets_its_successor_come_at_once() -> None:
    forecast = Forecast()
    forecast.learn_handover(1.0)
    forecast.learn("quick", 0.1)
    assert forecast.lead("quick") == 0.0


def test_where_handovers_differ_nearly_all_are_in_time() -> None:
    forecast = Forecast()
    forecast.learn("restore", 100.0)
    for number in range(100):
        forecast.learn_handover(number / 10)
    lead = forecast.lead("restore")
    assert lead == pytest.approx(100 * 0.97 - 1.5 * 9.4 - 0.1)


def test_a_crowd_of_long_ago_is_forgotten() -> None:
    forecast = Forecast()
    forecast.learn("restore", 10.0)
    for _ in range(500):
        forecast.learn_handover(5.0)
    for _ in range(500):
        forecast.learn_handover(0.1)
    lead = forecast.lead("restore")
    assert lead is not None
    assert lead > 9.0


def test_the_expectation_follows_what_is_seen() -> None:
    forecast = Forecast()
    forecast.learn("restore", 10.0)
    for _ in range(20):
        forecast.learn("restore", 2.0)
    expected = forecast.expect("restore")
    assert expected is not None
    assert 2.0 <= expected < 2.1


def test_only_so_many_kinds_are_remembered() -> None:
    forecast = Forecast()
    for number in range(1000):
        forecast.learn(str(number), 1.0)
    assert forecast.expect("0") is None
    assert forecast.expect("999") == 1.0


def test_who_began_before_anything_was_known_is_told_once() -> None:
    forecast, told = Forecast(), []
    forecast.tell("restore", lambda: told.append("first"))
    second = lambda: told.append("second")  # noqa: E731
    forecast.tell("restore", second)
    forecast.tell_no_more("restore", second)
    forecast.learn("other", 1.0)
    assert told == []
    forecast.learn("restore", 1.0)
    forecast.learn("restore", 1.0)
    assert told == ["first"]
