"""The image: what its Dockerfile promises. No Docker engine runs here; docs/deployment.md says what was done by hand."""

import re
from pathlib import Path

import pytest

from ops import probe
from tests.support.httpstub import Answer, HttpStub
from tests.support.servers import free_port

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "ops" / "deploy" / "Dockerfile").read_text("utf-8")
#: each instruction on one line, without comments
INSTRUCTIONS = [
    line
    for line in re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    if line.strip()
]


def of_kind(kind: str, lines: list[str] = INSTRUCTIONS) -> list[str]:
    return [line.removeprefix(kind).strip() for line in lines if line.startswith(f"{kind} ")]


def last_stage() -> list[str]:
    start = max(i for i, line in enumerate(INSTRUCTIONS) if line.startswith("FROM "))
    return INSTRUCTIONS[start:]


def test_it_is_built_in_stages_from_an_exact_image() -> None:
    image, requirements = of_kind("ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-[a-z]+", image)
    assert requirements == "REQUIREMENTS=requirements.txt"
    assert of_kind("FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


def test_only_what_was_locked_is_installed() -> None:
    installs = [part for line in of_kind("RUN") for part in line.split("&&") if "pip install" in part]
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install, install
    assert "PIP_NO_CACHE_DIR=1" in DOCKERFILE
    assert "apt-get" not in DOCKERFILE


def test_it_does_not_run_as_root() -> None:
    (user,) = of_kind("USER", last_stage())
    uid, gid = user.split(":")
    assert int(uid) > 0
    assert int(gid) > 0
    after = last_stage()[last_stage().index(f"USER {user}") :]
    assert not of_kind("RUN", after)


def test_its_health_check_is_the_liveness_probe() -> None:
    (check,) = of_kind("HEALTHCHECK")
    assert check.endswith('CMD ["python", "-m", "ops.probe", "http://127.0.0.1:4008/livez"]')


def test_the_builder_gets_just_what_is_copied() -> None:
    ignored = (ROOT / "ops" / "deploy" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {name for line in of_kind("COPY") if "--from" not in line for name in line.split()[:-1]}
    assert sent == copied
    assert "*" in ignored
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False), (302, False)])
def test_the_probe_tells_by_the_status(status: int, well: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with HttpStub(Answer(status=status)) as stub:
        assert probe.answers(f"{stub.url}/livez") is well
        assert stub.requests[0].path == "/livez"


def test_the_probe_of_what_is_not_there_fails() -> None:
    assert not probe.answers(f"http://127.0.0.1:{free_port()}/livez")
