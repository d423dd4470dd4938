"""What containers run and read exists; secrets come from files; the probe tells a server that answers."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands

from config.environment import Environment, SecretFiles
from config.listening import base_url, free_port, listen

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return document


def test_compose_sets_only_what_settings_read(compose: dict[str, Any]):
    names = [name.removesuffix("_FILE") for name in compose["services"]["web"]["environment"]]
    assert [name for name in names if f'"{name}"' not in SETTINGS] == []


def test_compose_runs_the_web_server_both_clusters_and_the_migrations(compose: dict[str, Any]):
    services = compose["services"]
    assert set(services) == {"migrate", "web", "worker-contexts", "worker-chores", "mongo", "redis"}
    commands = re.findall(r"manage\.py\W+(\w+)", str(services))
    assert {"migrate", "loadsamples", "worker"} <= set(commands)
    assert set(commands) <= set(get_commands())


def test_every_service_that_stays_has_a_health_check_and_time_to_stop(compose: dict[str, Any]):
    staying = {name: service for name, service in compose["services"].items() if name != "migrate"}
    for name, service in staying.items():
        assert service["restart"] == "unless-stopped", name
        assert "stop_grace_period" in service, name
        assert name == "web" or service["healthcheck"]["test"][0] == "CMD", name  # web has that of the image


def test_secrets_come_from_files_and_data_lies_in_volumes(compose: dict[str, Any]):
    web = compose["services"]["web"]["environment"]
    assert [name for name in web if "KEY" in name] == ["SECRET_KEY_FILE", "OPENAI_API_KEY_FILE"]
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    used = {volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())}
    assert used == set(compose["volumes"])


def test_image_holds_every_package_that_it_runs():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for package in ("base", "config", "users", "templates_app", "media_app", "components", "contexts"):
        assert f"COPY {package} ./{package}" in dockerfile
        assert f"!{package}\n" in kept
    assert "USER draftline" in dockerfile


def reading(**variables: str) -> Environment:
    """Return a reader of these variables alone."""
    environment = Environment()
    environment.ENVIRON = SecretFiles(env=variables)
    return environment


def test_secret_in_a_file_loses_its_line_end(tmp_path: Path):
    (tmp_path / "key").write_text("sk-secret\n")
    assert reading(OPENAI_API_KEY_FILE=str(tmp_path / "key")).str("OPENAI_API_KEY") == "sk-secret"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("Yes", True), ("off", False), ("", False)])
def test_switch_is_read(value: str, expected: bool):
    assert reading(PRODUCTION=value).bool("PRODUCTION", default=False) is expected


def test_setting_that_cannot_be_read_is_refused_with_its_name():
    with pytest.raises(ImproperlyConfigured, match="PRODUCTION is 'treu'; set it to 1 or 0"):
        reading(PRODUCTION="treu").bool("PRODUCTION", default=False)
    with pytest.raises(ImproperlyConfigured, match="PORT is 'web'; set it to a whole number"):
        reading(PORT="web").int("PORT", default=8000)


def test_unreadable_setting_stops_every_command_in_one_line(tmp_path: Path):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(tmp_path), "PORT": "web"}
    for command in ("serve", "migrate", "worker"):
        arguments = [sys.executable, "manage.py", command]
        answer = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert answer.returncode == 1
        assert answer.stderr.splitlines() == ["Draftline's settings: PORT is 'web'; set it to a whole number."]


class Site(BaseHTTPRequestHandler):
    """Answers /healthz for content.example only, as Django does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.headers["Host"] == "content.example" else 400)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def probe(port: int, allowed_hosts: str) -> int:
    environment = {**os.environ, "PORT": str(port), "ALLOWED_HOSTS": allowed_hosts}
    command = [sys.executable, "-m", "config.probe"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=30).returncode


def test_probe_names_a_host_that_is_allowed(site: int):
    assert probe(site, "content.example,other.example") == 0
    assert probe(site, "other.example") == 1


def test_probe_fails_where_nobody_listens():
    assert probe(free_port("127.0.0.1", 0), "content.example") == 1


def test_busy_port_is_left_for_a_free_one():
    with listen("127.0.0.1", 0) as taken:
        busy = taken.getsockname()[1]
        assert free_port("127.0.0.1", busy) not in (0, busy)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("name", "http://name:80"),
    ],
)
def test_address_can_be_opened_in_a_browser(host: str, expected: str):
    assert base_url(host, 80) == expected
