"""Which pg_dump is taken for which server, and what a person is told when none suits."""

from pathlib import Path

import pytest

from ops.backup.errors import BackupError
from ops.backup.programs import Programs, choose


def programs(major: int, *, tls: bool = True) -> Programs:
    return Programs(folder=Path(f"/pg/{major}"), major=major, tls=tls)


def chosen(server_major: int, *found: Programs, tls: bool = False) -> int:
    return choose(found, server_major=server_major, tls=tls).major


def test_the_servers_own_version_is_taken_whatever_else_is_there() -> None:
    assert chosen(17, programs(18), programs(17), programs(15)) == 17
    assert chosen(15, programs(18), programs(15)) == 15


def test_a_newer_one_will_do_where_it_speaks_what_the_server_knows() -> None:
    assert chosen(17, programs(18)) == 18
    assert chosen(15, programs(16), programs(18)) == 16


def test_a_server_newer_than_every_pg_dump_is_named_with_the_remedy() -> None:
    with pytest.raises(BackupError, match="is PostgreSQL 18 and the newest pg_dump here is 15") as caught:
        chosen(18, programs(15), programs(14))
    assert "install postgresql-client-18" in str(caught.value)


def test_a_pg_restore_that_sets_what_the_server_does_not_know_is_named() -> None:
    with pytest.raises(BackupError, match="pg_restore here is 18, whose settings") as caught:
        chosen(15, programs(18))
    assert "install postgresql-client-15" in str(caught.value)


def test_nothing_installed_is_named() -> None:
    with pytest.raises(
        BackupError, match=r"there is no pg_dump here: install postgresql-client-16 .*tp-capital\[embedded\]"
    ):
        chosen(16)


def test_an_encrypted_connection_stays_one() -> None:
    assert chosen(17, programs(17, tls=False), programs(18), tls=True) == 18
    assert chosen(17, programs(17, tls=False), programs(18), tls=False) == 17
    with pytest.raises(BackupError, match="TLS"):
        chosen(17, programs(17, tls=False), tls=True)
