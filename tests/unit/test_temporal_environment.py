from pathlib import Path

import pytest

from rekindle.adapters.temporal import _environment


def test_temporals_own_settings_are_read_from_the_env_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pragma: allowlist nextline secret
    (tmp_path / ".env").write_text("TEMPORAL_API_KEY=from-file\nTEMPORAL_TLS=true\nOTHER=x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_API_KEY", "from-environment")
    found = _environment()
    assert found["TEMPORAL_API_KEY"] == "from-environment"  # pragma: allowlist secret
    assert found["TEMPORAL_TLS"] == "true"
    assert "OTHER" not in found
