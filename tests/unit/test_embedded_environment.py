from pathlib import Path

import pytest

from deploy.embedded.service import clean_environment


def test_no_setting_of_the_person_reaches_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPASSWORD", "AWS_ACCESS_KEY_ID", "S3_BUCKET", "WEED_JWT", "TEMPORAL_ADDRESS"):
        monkeypatch.setenv(name, "mine")

    environment = clean_environment(Path("/data"), GOMEMLIMIT="256MiB")

    assert "mine" not in environment.values()
    assert environment["HOME"] == "/data"
    assert environment["GOMEMLIMIT"] == "256MiB"
