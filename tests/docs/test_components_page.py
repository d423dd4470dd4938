"""Follows docs/components.md: its files become a package, its test runs, its context is worked, its promise is kept."""

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.management import call_command

from components.edits import component_save
from components.models import Component
from components.registry import component_types
from contexts.engine.run import run_drain
from tests.docs.pages import ROOT, text_of

PAGE = ROOT / "docs" / "components.md"
MODULE = "draftline_glossary"
FILES = dict(re.findall(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", text_of(PAGE), re.MULTILINE | re.DOTALL))
COMMANDS = dict(re.findall(r"^<!-- command: (\S+) -->\n```sh\n(.*?)^```$", text_of(PAGE), re.MULTILINE | re.DOTALL))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The page's files in a folder."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def _types_are_read_anew() -> Iterator[None]:
    component_types.cache_clear()
    yield
    component_types.cache_clear()
    sys.modules.pop(MODULE, None)


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch, _types_are_read_anew: None) -> None:
    """The package as pip installs it: the module on the path, and the metadata that follows from pyproject.toml."""
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    metadata = package / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    headers = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(headers)
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {target}" for name, target in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(package))


class Glossary(BaseHTTPRequestHandler):
    """A glossary that is still being loaded when it is asked for the first time."""

    requests: ClassVar[list[tuple[dict[str, str], Any]]] = []
    meanings: ClassVar[dict[str, str]] = {
        item["term"]: item["meaning"] for item in json.loads(FILES["result.json"])["glossary"]
    }

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append((dict(self.headers), body))
        is_loading = len(self.requests) == 1
        answer = (
            {"ready_in_seconds": 0}
            if is_loading
            else {"meanings": {term: self.meanings[term] for term in body["terms"]}}
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def glossary() -> Iterator[str]:
    Glossary.requests.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Glossary)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/terms"
    server.shutdown()
    thread.join()
    server.server_close()


def test_pages_own_test_passes_without_a_database(package: Path):
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = COMMANDS["test"].replace("$DRAFTLINE/.venv/bin/python", sys.executable)
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=package,
        env={**environment, "DRAFTLINE": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("installed")
def test_component_of_the_page_does_what_the_page_promises(api, glossary: str, settings):
    settings.HTTP_ALLOW_PRIVATE = True
    call_command("loadsamples", verbosity=0)
    config = {"url": glossary, "token": "secret"}
    component_save(
        Component(id="comp_glossary_house", name="House glossary", type="glossary", config=config), is_new=True
    )

    posted = api.post("/api/contexts", json.loads(FILES["context.json"]), format="json")
    assert posted.status_code == 201, posted.json()
    run_drain(until_idle=True)
    address = f"/api/contexts/{posted.json()['id']}"
    context = api.get(address).json()

    assert context["status"] == "completed", context["error"]
    assert context["data"].items() >= json.loads(FILES["result.json"]).items()
    assert context["retry_count"] == 1, "it was not ready at first"
    first, second = Glossary.requests
    assert first[0]["Idempotency-Key"] == second[0]["Idempotency-Key"]
    assert second[0]["Authorization"] == "Bearer secret"
    runs = [run for run in api.get(f"{address}/steps").json()["results"] if run["key"] == "comp_glossary_house"]
    assert [run["outcome"] for run in runs] == ["failed", "completed"]
    assert runs[-1]["wrote"] == ["glossary"]
    assert runs[-1]["config"] == {"limit": 2}


@pytest.mark.django_db
@pytest.mark.usefixtures("installed")
def test_setting_for_staff_is_refused_in_a_step(api):
    step = {"component": "glossary", "config": {"url": "https://elsewhere.example"}}
    answer = api.post("/api/contexts", {"type": "article", "pipeline": [step]}, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "/pipeline/0/config/url"


@pytest.mark.usefixtures("_types_are_read_anew")
def test_class_without_a_package_is_found_by_the_setting(package: Path, monkeypatch, settings):
    named = re.search(r"`COMPONENTS=(\S+) script/server`", text_of(PAGE))
    assert named is not None
    monkeypatch.syspath_prepend(str(package))
    settings.COMPONENTS = [named[1]]
    assert component_types()["glossary"].Config.model_fields.keys() == {"url", "token", "limit"}


@pytest.mark.django_db
@pytest.mark.usefixtures("installed")
def test_installed_component_is_listed(api):
    types = {item["name"]: item for item in api.get("/api/components").json()["types"]}
    assert types["glossary"]["writes"] == ["glossary"]
    assert types["glossary"]["config_schema"]["properties"]["limit"]["description"]
