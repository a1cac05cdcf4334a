"""Port and disk; the disk's figures are given, as none here is full."""

import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.doctor.findings import CheckStatus
from ops.doctor.machine import examine_machine
from ops.local.ports import free_port
from tests.integration.doctor.conftest import Look
from tests.support.httpstub import HttpStub, json_answer
from tests.support.stack import engine_environment, eventually, running_daemon

GB, MB = 1024**3, 1024**2


class Usage(NamedTuple):
    """A disk's figures in bytes."""

    total: int
    free: int


def test_a_free_port_is_ok(look: Look) -> None:
    assert look(examine_machine, PORT=free_port())["machine.port"].status is CheckStatus.OK


def test_a_port_taken_by_another_program_is_named(look: Look) -> None:
    with HttpStub(json_answer({"hello": "world"})) as stranger:
        finding = look(examine_machine, PORT=stranger.port)["machine.port"]
    assert finding.status is CheckStatus.FAIL
    assert f"port {stranger.port} is taken" in finding.found
    assert f"ss -ltnp 'sport = :{stranger.port}'" in str(finding.remedy)


def test_a_port_taken_by_what_speaks_no_http_is_named(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        finding = look(examine_machine, PORT=mute.getsockname()[1], answer_s=0.2)["machine.port"]
    assert finding.status is CheckStatus.FAIL


def test_our_own_daemon_on_the_port_is_ok(look: Look, migrated_url: str) -> None:
    port = free_port()
    environment = engine_environment(migrated_url, "http://127.0.0.1:1", PORT=str(port))
    with running_daemon(environment) as engine:
        eventually(engine.health)
        for host in ("127.0.0.1", "0.0.0.0"):
            finding = look(examine_machine, HOST=host, PORT=port, TP_CAPITAL_ALLOW_OPEN=1)["machine.port"]
            assert finding.status is CheckStatus.OK
            assert "the daemon already runs" in finding.found


def test_an_address_that_is_not_ours_is_named(look: Look) -> None:
    finding = look(examine_machine, HOST="192.0.2.1", TP_CAPITAL_ALLOW_OPEN=1)["machine.port"]
    assert (finding.status, finding.remedy) == (
        CheckStatus.FAIL,
        "set HOST to an address of this machine, such as 127.0.0.1",
    )


@pytest.mark.parametrize(
    ("usage", "status"),
    [
        (Usage(100 * GB, 50 * GB), CheckStatus.OK),
        (Usage(100 * GB, 10 * GB), CheckStatus.OK),
        (Usage(100 * GB, 9 * GB), CheckStatus.WARN),
        (Usage(4 * GB, 1 * GB - 1), CheckStatus.WARN),
        (Usage(100 * GB, 2 * GB - 1), CheckStatus.FAIL),
        (Usage(1 * GB, 200 * MB - 1), CheckStatus.FAIL),
    ],
    ids=["half", "a tenth", "under a tenth", "under 1 GB", "under a fiftieth", "under 200 MB"],
)
def test_a_disk_nearly_full_is_named(look: Look, usage: Usage, status: CheckStatus, tmp_path: Path) -> None:
    finding = look(examine_machine, PORT=free_port(), disk_usage=lambda _: usage)["machine.disk"]
    assert finding.status is status
    assert str(tmp_path) in finding.found
    assert (finding.remedy is None) == (status is CheckStatus.OK)


def test_the_disk_of_the_local_stack_is_looked_at_too(look: Look, tmp_path: Path) -> None:
    state = tmp_path / ".tp-capital"
    assert look(examine_machine, PORT=free_port())["machine.stack_disk"].status is CheckStatus.SKIPPED
    state.mkdir()
    found = look(
        examine_machine,
        PORT=free_port(),
        disk_usage=lambda folder: Usage(100 * GB, 1 * MB if folder == state else 99 * GB),
    )
    assert (found["machine.disk"].status, found["machine.stack_disk"].status) == (
        CheckStatus.OK,
        CheckStatus.FAIL,
    )


def test_real_figures_are_read(look: Look) -> None:
    assert "free" in look(examine_machine, PORT=free_port())["machine.disk"].found
