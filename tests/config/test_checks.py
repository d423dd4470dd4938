"""Settings that contradict each other are named at the start, with what to set instead."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import connection

from config.checks import check_engine, check_production, check_web
from config.database_checks import check_mongodb, check_sqlite

ROOT = Path(__file__).resolve().parents[2]


def ids(messages: list[CheckMessage]) -> list[str | None]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_default_settings_contradict_nothing():
    assert [message for message in run_checks() if message.id and message.id.startswith("draftline")] == []


def test_checks_are_registered(settings):
    settings.WORKERS = 0
    assert "draftline.E001" in ids([m for m in run_checks() if (m.id or "").startswith("draftline")])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WORKERS", 0, "draftline.E001"),
        ("MAX_IN_FLIGHT", 0, "draftline.E001"),
        ("HEARTBEAT_SECONDS", 7, "draftline.E002"),
        ("LEASE_SECONDS", 14, "draftline.E002"),
        ("DRAIN_SECONDS", 10_000, "draftline.E003"),
        ("STEP_TIMEOUT_SECONDS", 601, "draftline.E005"),
        ("STOP_GRACE_SECONDS", 10, "draftline.E006"),
        ("LOOP_BLOCKED_SECONDS", 20, "draftline.E007"),
    ],
)
def test_engine_setting_that_contradicts_another_is_an_error(settings, name: str, value: int, expected: str):
    setattr(settings, name, value)
    assert ids(check_engine()) == [expected]


@pytest.mark.parametrize("cluster", ["contexts", "chores"])
def test_queue_that_doubles_running_tasks_is_an_error(settings, cluster: str):
    settings.Q_CLUSTER = copy.deepcopy(settings.Q_CLUSTER)
    chosen = settings.Q_CLUSTER["ALT_CLUSTERS"]["contexts"] if cluster == "contexts" else settings.Q_CLUSTER
    chosen["retry"] = chosen["timeout"]
    assert ids(check_engine()) == ["draftline.E004"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"PORT": 70_000}, "draftline.E008"),
        ({"PRODUCTION": True, "ALLOWED_HOSTS": []}, "draftline.E009"),
        ({"PRODUCTION": True, "DEBUG": True}, "draftline.E010"),
        ({"REDIS_URL": "localhost:6379"}, "draftline.E011"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "draftline.W001"),
    ],
)
def test_web_setting_that_cannot_work_is_named(settings, changes: dict, expected: str):
    for name, value in changes.items():
        setattr(settings, name, value)
    assert ids(check_web()) == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["draftline.W002"]),
        ({"PRODUCTION": True, "SECURE_SSL_REDIRECT": True, "SECURE_PROXY_SSL_HEADER": None}, ["draftline.W003"]),
        ({"PRODUCTION": True, "SECURE_SSL_REDIRECT": False, "ALLOWED_HOSTS": ["*"]}, ["draftline.W004"]),
    ],
)
def test_unsafe_deployment_is_warned_of(settings, changes: dict, expected: list[str]):
    for name, value in changes.items():
        setattr(settings, name, value)
    assert ids(check_production()) == expected


def test_server_without_workers_is_refused_in_one_line(tmp_path: Path):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "WORKERS": "0", "DATA_DIR": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == ["CommandError: WORKERS is 0. Set WORKERS to at least 1."]


@pytest.mark.parametrize(
    ("vendor", "check", "expected"), [("sqlite", check_sqlite, "E020"), ("mongodb", check_mongodb, "E021")]
)
def test_database_that_is_too_old_is_an_error(monkeypatch, vendor: str, check, expected: str):
    monkeypatch.setattr(connection, "vendor", vendor)
    monkeypatch.setattr(connection, "ensure_connection", lambda: None)
    monkeypatch.setattr(connection, "get_database_version", lambda: (7, 0, 12), raising=False)
    monkeypatch.setattr("config.database_checks.sqlite3.sqlite_version_info", (3, 32, 3))
    (found,) = check(databases=["default"])
    assert found.id == f"draftline.{expected}"
    assert "is too old" in found.msg
