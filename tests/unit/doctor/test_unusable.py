"""``doctor --json`` over settings that cannot be used: what is wrong, and no secret of it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ops.cli import app


def test_fault_53_a_password_in_a_wrong_setting_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGIN", "http://u:SECRETPW123@x")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 2
    (check,) = (one for one in json.loads(result.stdout)["checks"] if "CORS_ORIGIN" in one["found"])
    assert "SECRETPW123" not in result.output
    assert check["status"] == "fail"
