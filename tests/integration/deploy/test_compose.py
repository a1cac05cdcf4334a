"""The compose file: what the schema takes, and what docs/deployment.md promises of it. No Docker engine runs here."""

import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.database import DatabaseSettings
from ops.configuration import setting_groups
from ops.environment_file import environment_text

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "ops" / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
TEXT = COMPOSE.read_text("utf-8")
CONTENT: dict[str, Any] = YAML(typ="safe").load(TEXT)
SERVICES: dict[str, Any] = CONTENT["services"]
#: they do one piece of work and end
ONE_SHOT = {"migrate", "backup"}
#: they ask the gateway or are asked by readers
REACHING_OUT = {"engine", "ingest", "serve-1", "serve-2", "proxy", "gateway"}
LASTING = sorted(SERVICES.keys() - ONE_SHOT)
SETTINGS = {setting.name for group in setting_groups() for setting in group.settings}
EVERY = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_file_is_what_the_compose_specification_takes() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        # the schema comes with the tool: a look-up outside would fail
        env={"https_proxy": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_schema_check_can_fail(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(TEXT.replace("read_only: true", "read_only: [yes]"))
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(wrong),
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_the_five_parts_are_there_and_the_gateway_in_its_profile() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert always == {"timescaledb", "pgbouncer", "redis-master", "redis-replica", "engine", "migrate"}
    assert SERVICES["gateway"]["profiles"] == SERVICES["gateway-database"]["profiles"] == ["gateway"]


def test_rabbitmq_and_the_processes_that_share_the_work_are_in_profiles_of_their_own() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles["rabbitmq"] == ["events"]
    scale = {name for name, of in profiles.items() if of == ["scale"]}
    assert scale == {"ingest", "serve-1", "serve-2", "proxy"}
    # the engine of .env is the third one that ingests
    assert SERVICES["ingest"]["deploy"]["replicas"] == 2
    roles = {
        name: SERVICES[name]["environment"]["TP_CAPITAL_ROLE"] for name in ("ingest", "serve-1", "serve-2")
    }
    assert roles == {"ingest": "ingest", "serve-1": "serve", "serve-2": "serve"}


def test_the_processes_that_serve_trust_the_network_that_only_the_proxy_is_in() -> None:
    inside = {name for name, service in SERVICES.items() if "readers" in service["networks"]}
    assert inside == {"serve-1", "serve-2", "proxy"}
    (network,) = CONTENT["networks"]["readers"]["ipam"]["config"]
    for name in ("serve-1", "serve-2"):
        assert SERVICES[name]["environment"]["TP_CAPITAL_TRUSTED_PROXIES"] == network["subnet"]


def test_the_pooler_has_room_for_every_engine_of_the_file() -> None:
    engines = [service for name, service in SERVICES.items() if service.get("command") == ["run"]]
    processes = sum(service["deploy"].get("replicas", 1) for service in engines)
    (most,) = re.findall(
        r"^max_client_conn = (\d+)", (DEPLOY / "pgbouncer.ini").read_text("utf-8"), re.MULTILINE
    )
    assert processes * int(DatabaseSettings.model_fields["pool_max"].default) < int(most)


@EVERY
def test_no_container_can_do_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    uid, gid = service["user"].split(":")
    assert int(uid) > 0
    assert int(gid) > 0


@EVERY
def test_every_container_has_limits_and_a_log_that_ends(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert limits.keys() == {"cpus", "memory", "pids"}
    assert SERVICES[name]["logging"] == {
        "driver": "json-file",
        "options": {"max-size": "10m", "max-file": "5"},
    }


@EVERY
def test_every_image_is_pinned(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert re.fullmatch(r"v?\d+\.\d+\.\d+(-[a-z0-9.]+)?|\d+\.\d+-alpine", tag), tag


def test_our_image_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    ours = {s["image"] for s in SERVICES.values() if "build" in s}
    assert ours == {f"tp-capital:{version}"}


@EVERY
def test_only_engine_gateway_and_proxy_are_published_and_to_this_machine_alone(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert bool(ports) == (name in {"engine", "gateway", "proxy"})
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "network_mode" not in SERVICES[name]


def test_databases_and_caches_have_no_way_out() -> None:
    outside = {name for name, network in CONTENT["networks"].items() if not network.get("internal")}
    for name, service in SERVICES.items():
        assert service["networks"], name
        assert bool(outside & set(service["networks"])) == (name in REACHING_OUT), name


@pytest.mark.parametrize("name", LASTING)
def test_what_runs_for_good_is_watched_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= service["healthcheck"].keys()


@pytest.mark.parametrize("name", sorted(ONE_SHOT))
def test_what_runs_once_is_not_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"


def test_the_engine_is_probed_for_life_not_for_health() -> None:
    assert SERVICES["engine"]["healthcheck"]["test"][-1].endswith(":4008/livez")


def test_migrations_are_through_before_the_engine_starts_and_go_straight_to_the_server() -> None:
    assert SERVICES["engine"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"] == {"timescaledb": {"condition": "service_healthy"}}
    url = SERVICES["migrate"]["environment"]["TP_CAPITAL_MIGRATION_DATABASE_URL"]
    assert url.startswith("postgresql://tp_capital_owner:")
    assert url.endswith("@timescaledb:5432/tp_capital_db")
    assert SERVICES["engine"]["environment"]["TP_CAPITAL_DB_HOST"] == "pgbouncer"


@pytest.mark.parametrize(
    ("secret", "holders"),
    [
        ("POSTGRES_PASSWORD", {"timescaledb", "backup"}),
        ("TP_CAPITAL_OWNER_PASSWORD", {"timescaledb", "migrate", "backup"}),
        ("TP_CAPITAL_API_KEY", {"engine", "ingest", "serve-1", "serve-2"}),
        ("RABBITMQ_PASSWORD", {"rabbitmq"}),
        ("TELEGRAM_GATEWAY_DB_PASSWORD", {"gateway", "gateway-database"}),
    ],
)
def test_a_secret_is_given_to_those_alone_who_need_it(secret: str, holders: set[str]) -> None:
    marked = f"${{{secret}:"
    holding = {
        name
        for name, s in SERVICES.items()
        if any(marked in str(v) for v in s.get("environment", {}).values())
    }
    assert holding == holders
    assert "env_file" not in TEXT


def test_every_variable_is_written_by_init_env() -> None:
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    optional = set(re.findall(r"\$\{([A-Z_]+):-", TEXT))
    assert set(re.findall(r"\$\{?([A-Z_]+)", TEXT)) == needed | optional, "each is needed or has a default"
    text = environment_text()
    written = dict(re.findall(r"^([A-Z_]+)=(.+)$", text, re.MULTILINE))
    assert needed <= written.keys()
    assert optional <= set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))


def test_every_setting_of_the_engine_can_be_made_in_the_env_file() -> None:
    """A setting that compose does not pass on would be written into .env in vain."""
    given = SERVICES["engine"]["environment"].keys()
    # a whole address would beat the parts, which name the containers; those of others are not the engine's to have
    databases = {f"TP_CAPITAL_{whose}DATABASE_URL" for whose in ("", "MIGRATION_", "SCRATCH_")}
    # and these are of a Redis elsewhere: compose's own two have a password and a network of their own
    assert SETTINGS - given == databases | {
        f"REDIS_{name}" for name in ("MASTER_URL", "REPLICA_URL", "USERNAME", "TLS", "TLS_CA")
    }
    assert given <= SETTINGS


def test_the_cache_is_the_contracts() -> None:
    for name in ("redis-master", "redis-replica"):
        command = SERVICES[name]["command"]
        pairs = dict(itertools.pairwise(command))
        assert pairs["--maxmemory"] == "256mb"
        assert pairs["--maxmemory-policy"] == "allkeys-lru"
        assert pairs["--save"] == ""
        assert pairs["--appendonly"] == "no"
    replica = SERVICES["redis-replica"]["command"]
    assert replica[replica.index("--replicaof") :][:3] == ["--replicaof", "redis-master", "6379"]


def test_fault_51_both_redis_ask_for_the_password_that_the_engine_has() -> None:
    for name in ("redis-master", "redis-replica"):
        service = SERVICES[name]
        assert "requirepass" in " ".join(service["entrypoint"])
        assert service["environment"]["REDIS_PASSWORD"] == SERVICES["engine"]["environment"]["REDIS_PASSWORD"]


def test_what_is_to_be_kept_lies_in_named_volumes() -> None:
    mounted = {
        volume.partition(":")[0]: name
        for name, service in SERVICES.items()
        for volume in service.get("volumes", [])
        if not volume.startswith("./")
    }
    assert mounted.keys() == CONTENT["volumes"].keys()
    files = [v for s in SERVICES.values() for v in s.get("volumes", []) if v.startswith("./")]
    assert files
    for file in files:
        source, _, mode = file.split(":")
        assert (DEPLOY / source).is_file()
        assert mode == "ro"
