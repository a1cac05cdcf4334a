"""What is judged without a server: versions, TLS, clocks, replicas, rights."""

import re
from importlib import resources

import pytest

from engine.safe_text import keep_hidden
from ops.doctor.clocks import judge_clocks
from ops.doctor.database import judge_tls, judge_version, judge_writable
from ops.doctor.findings import CheckResult, CheckStatus, covered, fail, ok, skipped, warn, worst
from ops.doctor.redis import judge_memory, judge_replica
from ops.doctor.rights import grants


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (140022, CheckStatus.FAIL, "PostgreSQL 14.22, older than 15"),
        (150000, CheckStatus.OK, "PostgreSQL 15.0"),
        (180006, CheckStatus.OK, "PostgreSQL 18.6"),
        (190001, CheckStatus.WARN, "PostgreSQL 19.1, newer than 18"),
    ],
)
def test_server_versions_outside_15_to_18_are_named(number: int, status: CheckStatus, words: str) -> None:
    finding = judge_version("x", number)
    assert (finding.status, words in finding.found) == (status, True)


@pytest.mark.parametrize(
    ("encrypted", "verified", "loopback", "strategy", "status"),
    [
        (False, False, False, "neon", CheckStatus.FAIL),
        (False, False, False, "timescale", CheckStatus.WARN),
        (False, False, True, "neon", CheckStatus.OK),
        (True, False, False, "neon", CheckStatus.OK),
        (True, True, False, "neon", CheckStatus.OK),
    ],
)
def test_a_connection_without_tls_to_another_machine_is_named(
    *, encrypted: bool, verified: bool, loopback: bool, strategy: str, status: CheckStatus
) -> None:
    finding = judge_tls("x", encrypted=encrypted, verified=verified, loopback=loopback, strategy=strategy)
    assert finding.status is status
    assert (finding.remedy is None) == (status is CheckStatus.OK)


def test_a_standby_is_named() -> None:
    finding = judge_writable("x", standby=True, read_only=True)
    assert (finding.status, "standby" in finding.found) == (CheckStatus.FAIL, True)
    assert "target_session_attrs=read-write" in str(finding.remedy)
    assert judge_writable("x", standby=False, read_only=False).status is CheckStatus.OK


# ── clocks ───────────────────────────────────────────────────────────────────


def clocks(**ahead_s: float) -> dict[str, CheckResult]:
    return {finding.name.removeprefix("clock."): finding for finding in judge_clocks(ahead_s)}


@pytest.mark.parametrize(
    ("ahead_s", "status"),
    [
        (0.0, CheckStatus.OK),
        (5.0, CheckStatus.OK),
        (-5.0, CheckStatus.OK),
        (5.1, CheckStatus.WARN),
        (-60.0, CheckStatus.WARN),
        (60.1, CheckStatus.FAIL),
    ],
)
def test_skew_over_5_s_is_a_warning_over_60_s_a_failure(ahead_s: float, status: CheckStatus) -> None:
    assert clocks(database=ahead_s)["database"].status is status


def test_the_clock_that_is_wrong_is_told_by_the_third_one() -> None:
    ours = clocks(database=90.0, gateway=91.0)
    assert all("this machine's clock is wrong" in str(finding.remedy) for finding in ours.values())
    theirs = clocks(database=90.0, gateway=1.0)
    assert "the database's machine" in str(theirs["database"].remedy)
    assert theirs["gateway"].status is CheckStatus.OK
    alone = clocks(gateway=-90.0)
    assert "compare both clocks with a third" in str(alone["gateway"].remedy)
    assert "90 s behind" in alone["gateway"].found
    assert alone["database"].status is CheckStatus.SKIPPED


# ── Redis ────────────────────────────────────────────────────────────────────

IN_SYNC = {
    "role": "slave",
    "master_host": "m",
    "master_port": 1,
    "master_link_status": "up",
    "master_replid": "a",
    "slave_repl_offset": 5,
    "slave_read_only": 1,
}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({}, CheckStatus.OK, "in sync"),
        ({"master_sync_in_progress": 1}, CheckStatus.WARN, "copying the data"),
        ({"slave_repl_offset": -(10**8)}, CheckStatus.WARN, "bytes behind"),
    ],
)
def test_a_replica_that_catches_up_is_a_warning(
    change: dict[str, object], status: CheckStatus, words: str
) -> None:
    master = {"role": "master", "master_replid": "a", "master_repl_offset": 5}
    finding = judge_replica(IN_SYNC | change, master, place="r:2", master_place="m 1")
    assert (finding.status, words in finding.found) == (status, True)


def test_a_replica_is_judged_without_its_master_too() -> None:
    assert judge_replica(IN_SYNC, None, place="r:2", master_place="m 1").status is CheckStatus.OK


def test_remedies_name_the_server_that_they_are_for() -> None:
    follow = judge_replica({"role": "master"}, None, place="far:2", master_place="m 1")
    assert "redis-cli -h far -p 2 replicaof m 1" in str(follow.remedy)
    writes = judge_replica(IN_SYNC | {"slave_read_only": 0}, None, place="far:2", master_place="m 1")
    assert "redis-cli -h far -p 2 config set" in str(writes.remedy)
    memory = judge_memory("x", {"maxmemory": 0, "maxmemory_policy": "noeviction"}, place="far:2")
    assert str(memory.remedy).count("redis-cli -h far -p 2 config set") == 2


def test_memory_of_a_cache_is_ok() -> None:
    info = {"maxmemory": 268435456, "maxmemory_policy": "allkeys-lru"}
    assert judge_memory("x", info, place="r:2").found == "256 MB, allkeys-lru"


# ── rights, and findings in general ──────────────────────────────────────────


def test_every_grant_of_the_file_is_read() -> None:
    text = resources.files("storage.postgres").joinpath("grants.sql").read_text("utf-8")
    # none is in a form that the pattern passes over
    wanted = sum(
        len(rights.split(",")) * len(objects.split(","))
        for rights, objects in re.findall(r"^grant ([^;]+?) on ([^;]+?) to ", text, re.MULTILINE)
    )
    found = list(grants())
    assert len(found) == wanted > 20
    assert {grant.kind for grant in found} == {"table", "function", "schema"}
    assert all(re.fullmatch(r"\w+(\(\))?|", grant.name) for grant in found)


def test_the_worst_status_counts_and_skipped_does_not() -> None:
    findings = [ok("a", ""), skipped("b", "")]
    assert worst(findings) is CheckStatus.OK
    findings.append(warn("c", "", "mend"))
    assert worst(findings) is CheckStatus.WARN
    findings.insert(0, fail("d", "", "mend"))
    assert worst(findings) is CheckStatus.FAIL


def test_a_secret_in_anyones_words_is_blacked_out() -> None:
    keep_hidden(["hunter22", "a", ""])
    finding = covered(fail("a", 'no such thing: "hunter22"\n\tat all', "do not use hunter22"))
    assert finding.found == 'no such thing: "***" at all'
    assert finding.remedy == "do not use ***"


@pytest.mark.parametrize("info", [{"role": "slave", "master_link_status": "up"}, {"role": "sentinel"}, {}])
def test_a_redis_that_does_not_say_whom_it_follows_is_told_in_words(info: dict[str, str]) -> None:
    finding = judge_replica(info, None, place="r:2", master_place="m 1")
    assert "None" not in finding.found
    assert finding.found.startswith("r:2 is ")
