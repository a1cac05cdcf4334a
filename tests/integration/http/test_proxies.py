"""Behind real proxies under a path of their own, with TLS, by the recipes of docs/deployment.md (fault 65)."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from ops.local.ports import free_port
from ops.local.process import OwnedProcess
from tests.support.servers import need_program
from tests.support.serving import Served, serving

KEY = "k3y-of-the-proxied-engine"
NAME = "tp.example"
PAGE = Path(__file__).parents[3] / "docs" / "deployment.md"


class Client(http.client.HTTPSConnection):
    """Asks for the proxy's name, though it stands on this machine with a certificate of its own."""

    def connect(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.sock = context.wrap_socket(plain, server_hostname=NAME)


class Proxied:
    """The engine as a client sees it through the proxy."""

    def __init__(self, port: int, served: Served) -> None:
        self.port, self.served = port, served

    def ask(
        self, path: str, *, method: str = "GET", body: object = None, host: str = NAME, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, str]:
        client = Client(host, self.port)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = None if body is None else json.dumps(body)
        if sent is not None:
            named["Content-Type"] = "application/json"
        client.request(method, path, body=sent, headers=named)
        answer = client.getresponse()
        text = answer.read().decode(errors="replace")  # icons are no text
        client.close()
        return answer.status, answer.headers, text


def recipe(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return str(block)


def nginx(folder: Path, port: int, engine: int) -> list[str]:
    program = need_program("nginx")
    certificate = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}")
    files = ("-keyout", str(folder / "key"), "-out", str(folder / "pem"))
    subprocess.run([need_program("openssl"), "req", *certificate, *files], check=True, capture_output=True)
    server = (
        recipe("nginx")
        .replace("listen 443", f"listen 127.0.0.1:{port}")
        .replace("/etc/ssl/tp.example.pem", str(folder / "pem"))
        .replace("/etc/ssl/tp.example.key", str(folder / "key"))
        .replace("127.0.0.1:4008", f"127.0.0.1:{engine}")
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{server}}}\n"
    )
    return [program, "-p", str(folder), "-c", str(folder / "conf"), "-e", "stderr"]


def caddy(folder: Path, port: int, engine: int) -> list[str]:
    program = need_program("caddy")
    site = (
        recipe("caddy")
        .replace(f"{NAME} {{", f"https://{NAME}:{port} {{\n    bind 127.0.0.1\n    tls internal", 1)
        .replace("127.0.0.1:4008", f"127.0.0.1:{engine}")
    )
    own = f"admin off\nauto_https disable_redirects\nskip_install_trust\nstorage file_system {folder}/data\n"
    (folder / "conf").write_text(f"{{\n{own}}}\n{site}")
    return [program, "run", "--adapter", "caddyfile", "--config", str(folder / "conf")]


@pytest.fixture(scope="module", params=[nginx, caddy])
def proxied(
    request: pytest.FixtureRequest, module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    prepare: Callable[[Path, int, int], list[str]] = request.param
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    with serving(
        module_database_url,
        TP_CAPITAL_API_KEY=KEY,
        TP_CAPITAL_TRUSTED_PROXIES="127.0.0.1",
        TP_CAPITAL_ALLOWED_HOSTS=NAME,
        RATE_LIMIT_MAX_REQUESTS="10000",
    ) as served:
        command = prepare(folder, port, served.port)
        # its data are to be written nowhere but in this folder
        environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with OwnedProcess("proxy", command, log_path=folder / "log", env=environment) as process:
            process.start()
            one = Proxied(port, served)

            def answers() -> bool:
                try:
                    return one.ask("/tp/livez")[0] == 200
                except OSError:
                    return False

            process.wait_ready(answers, deadline_s=20)
            yield one


def test_fault_65_every_link_of_the_pages_leads_below_the_path(proxied: Proxied) -> None:
    status, headers, _ = proxied.ask("/tp")
    assert (status, urljoin("/tp", headers["Location"]).rpartition(NAME)[2].lstrip(f":{proxied.port}")) == (
        308,
        "/tp/",
    )
    for page in ("/tp/", "/tp/docs"):
        status, headers, text = proxied.ask(page, Accept="text/html")
        assert status == 200
        links = [link for link in re.findall(r'(?:href|src)="([^"#]+)"', text) if ":" not in link]
        assert len(links) > 2
        for link in links:
            assert not link.startswith("/")
            assert proxied.ask(urljoin(page, link))[0] == 200, link
    status, headers, _ = proxied.ask("/tp/docs/")
    assert urljoin("/tp/docs/", headers["Location"]) == "/tp/docs"


def test_fault_65_headers_and_documents_name_the_path(proxied: Proxied) -> None:
    assert json.loads(proxied.ask("/tp/openapi.json")[2])["servers"] == [{"url": "/tp"}]
    assert "/tp/signals" in json.loads(proxied.ask("/tp/")[2])["paths"]
    proxied.served.commit(1, 2)
    status, headers, _ = proxied.ask("/tp/signals.csv?limit=1")
    assert status == 200
    assert headers["Link"].startswith("</tp/signals.csv?")
    added = proxied.ask(
        "/tp/channels",
        method="POST",
        body={"id": "-1002000000777"},
        X_API_Key=KEY,
        Origin=f"https://{NAME}:{proxied.port}",
    )
    assert (added[0], added[1]["Location"]) == (201, "/tp/channels/-1002000000777")
    assert proxied.ask(added[1]["Location"], method="DELETE", X_API_Key=KEY)[0] == 200


def test_fault_65_the_path_can_be_set(migrated_url: str) -> None:
    with serving(migrated_url, TP_CAPITAL_ROOT_PATH="/tp/") as served:
        to_the_page = requests.get(f"{served.url}/tp", allow_redirects=False, timeout=30)
        assert (to_the_page.status_code, to_the_page.headers["Location"]) == (308, "/tp/")
        # a proxy may pass the path on or take it off
        for path in ("/tp/openapi.json", "/openapi.json"):
            assert requests.get(served.url + path, timeout=30).json()["servers"] == [{"url": "/tp"}]


def test_fault_65_the_stream_comes_through_at_once(proxied: Proxied) -> None:
    with contextlib.closing(Client(NAME, proxied.port)) as client:
        client.request("GET", "/tp/signals/stream", headers={"Accept": "text/event-stream"})
        with client.getresponse() as answer:
            assert answer.status == 200
            assert answer.readline()
            proxied.served.commit(proxied.port)  # a number of its own for each proxy: they share the database
            while not (line := answer.readline()).startswith(b"event: signal"):
                assert line


def test_through_the_proxy_nobody_is_of_this_machine_and_no_foreign_page_writes(proxied: Proxied) -> None:
    assert proxied.ask("/tp/sync-messages", method="POST")[0] == 401
    foreign = {"X_API_Key": KEY, "Origin": "https://evil.example"}
    assert proxied.ask("/tp/backfill", method="POST", body={}, **foreign)[0] == 403
    # what a client says of proxies before this one is not believed
    status, headers, _ = proxied.ask(
        "/tp/signals", X_Forwarded_For="203.0.113.9", X_Forwarded_Host="evil.example"
    )
    assert (status, "RateLimit-Limit" in headers) == (200, True)
    status, _, text = proxied.ask("/tp/openapi.json", X_Forwarded_Prefix="/evil")
    assert (status, json.loads(text)["servers"]) == (200, [{"url": "/tp"}])
