"""The systemd units: what the manager takes them for, and how far a taken-over engine could get."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from ops.daemon.main import STOP_S
from tests.support.servers import need_program

ROOT = Path(__file__).parents[3]
UNITS = ROOT / "ops" / "deploy" / "systemd"
SERVICES = ["tp-capital.service", "tp-capital-migrate.service", "tp-capital-backup.service"]
ENGINE = (UNITS / "tp-capital.service").read_text("utf-8")
#: `systemd-analyze security` gives points from 0 (locked away) to 10; what is left is TCP, which the engine is for
MOST_EXPOSED = 1.1


def value(name: str) -> str:
    (found,) = re.findall(rf"^{name}=(.*)$", ENGINE, re.MULTILINE)
    return str(found)


def placed(folder: Path) -> Path:
    """Copy the units with a program that is here in place of ours, which is installed elsewhere."""
    for unit in UNITS.iterdir():
        text = unit.read_text("utf-8").replace("/opt/tp-capital/.venv/bin/tp-capital", "/bin/true")
        (folder / unit.name).write_text(text)
    return folder


def test_the_manager_takes_every_unit_without_a_word(tmp_path: Path) -> None:
    program = need_program("systemd-analyze")
    folder = placed(tmp_path)
    command = [program, "verify", "--man=no", *sorted(map(str, folder.iterdir()))]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in checked.stderr.splitlines() if "tp-capital" in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr


def test_a_credential_as_the_docs_have_it_is_taken_too(tmp_path: Path) -> None:
    program = need_program("systemd-analyze")
    (example,) = re.findall(
        r"```ini\n(.*?)```", (ROOT / "docs" / "deployment.md").read_text("utf-8"), re.DOTALL
    )
    unit = placed(tmp_path) / "tp-capital.service"
    own = unit.with_name("tp-capital.service.d")
    own.mkdir()
    (own / "override.conf").write_text(example)
    checked = subprocess.run(
        [program, "verify", "--man=no", str(unit)],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, "tp-capital" in checked.stderr) == (0, False), checked.stderr
    (named,) = re.findall(r"^LoadCredential=(\w+):/", example, re.MULTILINE)
    assert named == "TP_CAPITAL_API_KEYS"


def test_a_reload_is_the_signal_by_which_keys_are_read_again() -> None:
    assert value("ExecReload") == "kill -HUP $MAINPID"


def test_a_unit_with_a_mistake_is_found(tmp_path: Path) -> None:
    program = need_program("systemd-analyze")
    unit = placed(tmp_path) / "tp-capital.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchDogSec=30"))
    checked = subprocess.run(
        [program, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert "WatchDogSec" in checked.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_left_to_a_service_is_little(name: str, tmp_path: Path) -> None:
    program = need_program("systemd-analyze")
    unit = placed(tmp_path) / name
    command = [program, "security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", "--json=short"]
    judged = subprocess.run([*command, str(unit)], capture_output=True, text=True, check=False)
    open_points = [entry["name"] for entry in json.loads(judged.stdout) if not entry.get("set", True)]
    assert judged.returncode == 0, open_points


def test_the_engine_is_stopped_and_watched_in_time() -> None:
    assert value("Type") == "notify"
    assert int(value("TimeoutStopSec")) > STOP_S
    # the watchdog is told at half its time, and the supervisor's word counts for ten seconds
    assert int(value("WatchdogSec")) / 2 > 10
    assert int(value("TimeoutStartSec")) > 90


def test_a_crash_is_started_again_and_a_wrong_setting_is_not() -> None:
    assert value("Restart") == "on-failure"
    assert value("RestartPreventExitStatus") == "2"


def test_the_owners_secret_is_not_given_to_the_engine() -> None:
    assert "owner.env" not in ENGINE
    for name in SERVICES[1:]:
        assert "EnvironmentFile=/etc/tp-capital/owner.env" in (UNITS / name).read_text("utf-8")
