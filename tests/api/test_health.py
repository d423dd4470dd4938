"""Is it alive, is it ready."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from base import clock
from config import health
from contexts.models import Worker, WorkerState
from tests.api.calls import problem_of


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """Each test looks at the migrations anew."""
    monkeypatch.setattr(health, "migration_check", health.MigrationCheck())


def make_worker(state=WorkerState.LIVE, silent_seconds=0, in_flight=3):
    heartbeat_at = clock.now() - timedelta(seconds=silent_seconds)
    return Worker.objects.create(host="h", pid=1, state=state, in_flight=in_flight, heartbeat_at=heartbeat_at)


def test_a_process_that_answers_is_alive(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-cache" in answer["Cache-Control"]


@pytest.mark.django_db
def test_ready_tells_of_workers_and_cache(client):
    make_worker()
    make_worker(in_flight=4)
    make_worker(silent_seconds=20)
    make_worker(state=WorkerState.STOPPED)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
        "workers": {"live": 2, "in_flight": 7},
    }


@pytest.mark.django_db
def test_without_a_worker_it_is_still_ready(client):
    assert client.get("/readyz").json()["workers"] == {"live": 0, "in_flight": 0}


@pytest.mark.django_db
def test_a_missing_migration_is_not_ready(client):
    ((app, newest),) = MigrationLoader(connection).graph.leaf_nodes("contexts")
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied(app, newest)
    try:
        problem = problem_of(client.get("/readyz"), 503)
    finally:
        recorder.record_applied(app, newest)
    assert "manage.py migrate" in problem["detail"]
    assert problem["migrations"] == "failed"
    assert problem["database"] == "ok"


@pytest.mark.sqlite("MongoDB makes a collection when something is written")
@pytest.mark.django_db(transaction=True)
def test_a_missing_table_is_not_ready(client):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workers RENAME TO workers_away")
    try:
        assert problem_of(client.get("/readyz"), 503)["database"] == "failed"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE workers_away RENAME TO workers")


@pytest.mark.django_db
def test_a_dead_cache_is_told_but_decides_nothing(client, settings):
    settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["cache"] == "failed"


@pytest.mark.django_db
def test_looking_often_costs_two_queries(client, django_assert_max_num_queries):
    client.get("/readyz")
    with django_assert_max_num_queries(1):
        client.get("/readyz")


def test_the_root_leads_to_the_docs(client):
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/api/docs")


@pytest.mark.django_db
def test_redis_that_is_away_is_told_at_once_and_decides_nothing(client, redis):
    assert client.get("/readyz").json()["cache"] == "ok"
    redis.pause()
    began = time.monotonic()
    answers = [client.get("/readyz") for _ in range(5)]
    assert time.monotonic() - began < 3
    assert {(answer.status_code, answer.json()["cache"]) for answer in answers} == {(200, "failed")}
