"""The definitions of the compose profile `events`: a node takes them, and the engine's queues are under their policies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pika
import pytest

from storage.broker.topology import connection_parameters, declare_queue
from tests.support.rabbitmq import Broker

DEPLOY = Path(__file__).parents[3] / "ops" / "deploy"
#: user and virtual host get another name here: the node of the tests has a user of that one
NAME = "deployed"


def started(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the start script with `echo` in place of the server."""
    given = tmp_path / "given.json"
    given.write_text((DEPLOY / "rabbitmq.json").read_text("utf-8").replace('"tp_capital"', f'"{NAME}"'))
    return subprocess.run(
        ["/bin/sh", str(DEPLOY / "rabbitmq.sh"), "/bin/sh", "-c", "echo started ${RABBITMQ_PASSWORD-}"],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "DEFINITIONS": str(given),
            "LOADED": str(tmp_path / "definitions.json"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_node_takes_the_definitions_and_knows_the_password(broker: Broker, tmp_path: Path) -> None:
    password = "s3cret-of-the-deployment"
    done = started(tmp_path, RABBITMQ_PASSWORD=password)
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
    loaded = tmp_path / "definitions.json"
    assert password not in loaded.read_text()
    assert loaded.stat().st_mode & 0o077 == 0
    broker.control("import_definitions", str(loaded))
    url = f"amqp://{NAME}:{password}@127.0.0.1:{broker.port}/{NAME}"
    connection = pika.BlockingConnection(connection_parameters(url))
    channel = connection.channel()
    declare_queue(channel, "tp-capital.messages")
    channel.queue_declare("events.of-somebody", durable=True)
    connection.close()
    shown = broker.control("list_queues", "--vhost", NAME, "--silent", "name", "policy")
    assert dict(line.split("\t") for line in shown.splitlines()) == {
        "tp-capital.messages": "messages-wait-at-the-gateway",
        "tp-capital.messages.dead": "",
        "events.of-somebody": "readers-of-events-that-stay-away",
    }
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(connection_parameters(url.replace(password, "guessed")))


def test_without_a_password_nothing_starts_and_the_command_is_named(tmp_path: Path) -> None:
    done = started(tmp_path)
    assert done.returncode != 0
    assert "tp-capital init-env" in done.stderr
