import pytest

from rekindle.contracts.statuses import GpuClass
from rekindle.rules.pods import fleet_prefix, name_of, number_in, prefix_of, token_of


def test_a_name_tells_class_and_number_and_begins_with_its_prefixes() -> None:
    name = name_of("prod", GpuClass.IMAGE, 12, 7)

    assert name == "rk-prod-image-12-7"
    assert name.startswith(prefix_of("prod", GpuClass.IMAGE, 12))
    assert name.startswith(fleet_prefix("prod"))
    assert number_in("prod", name) == (GpuClass.IMAGE, 12)


def test_the_prefix_of_one_number_begins_no_name_of_another() -> None:
    assert not name_of("prod", GpuClass.IMAGE, 12, 7).startswith(
        prefix_of("prod", GpuClass.IMAGE, 1)
    )


@pytest.mark.parametrize(
    "name",
    [
        "rk-dev-image-0-1",
        "rk-prod-image-0",
        "rk-prod-image-0-1-2",
        "rk-prod-audio-0-1",
        "rk-prod-image-x-1",
        "rk-prod-image-0-",
        "rk-production-image-0-1",
        "somebody-elses",
        "",
    ],
)
def test_a_name_that_is_not_of_this_deployment_is_nobodys_pod(name: str) -> None:
    assert number_in("prod", name) is None


def test_every_pod_has_a_token_of_its_own_that_its_salt_and_the_secret_decide() -> None:
    token = token_of("s" * 32, "rk-prod-image-0-1", "salt")

    assert token == token_of("s" * 32, "rk-prod-image-0-1", "salt")
    assert len(token) == 64
    others = {
        token_of("t" * 32, "rk-prod-image-0-1", "salt"),
        token_of("s" * 32, "rk-prod-image-0-2", "salt"),
        token_of("s" * 32, "rk-prod-image-0-1", "tlas"),
    }
    assert len(others | {token}) == 4
