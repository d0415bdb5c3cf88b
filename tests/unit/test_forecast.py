from activities.forecast import Forecast


def test_nothing_is_expected_of_what_never_ran() -> None:
    forecast = Forecast()
    forecast.learn("staging", 0.2)
    assert forecast.expect("restore") is None
    assert forecast.lead("restore", "staging") is None


def test_the_successor_is_staged_shortly_before_the_end() -> None:
    forecast = Forecast()
    forecast.learn("staging", 1.0)
    forecast.learn("restore", 10.0)
    lead = forecast.lead("restore", "staging")
    assert lead is not None
    assert 8.0 < lead < 9.0


def test_work_shorter_than_staging_lets_its_successor_come_at_once() -> None:
    forecast = Forecast()
    forecast.learn("staging", 1.0)
    forecast.learn("quick", 0.1)
    assert forecast.lead("quick", "staging") == 0.0


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
