"""`manage.py store check` names what is wrong with the stores, and ends with 1 where they cannot be used."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pymongo import MongoClient
from redis import Redis

from config.store.facts import State, address_without_password
from config.store.mongo import _topology
from config.store.redis import _role
from tests.stores.mongo_server import MongoServer
from tests.stores.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[2]


def store(action: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; it may end with 0 or 1, and never with a traceback."""
    command = [sys.executable, "manage.py", "store", *action.split()]
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": "", **environment}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done


def lines(text: str, state: State) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(state.upper())]


@pytest.mark.django_db(transaction=True)
def test_migrated_database_is_usable(capsys: pytest.CaptureFixture[str]):
    call_command("store", "check")
    printed = capsys.readouterr().out
    assert "Every index of every model is there" in printed
    assert lines(printed, State.PROBLEM) == []


@pytest.mark.django_db(transaction=True)
def test_dropped_index_is_named_and_made_again(capsys: pytest.CaptureFixture[str]):
    with connection.schema_editor() as editor:
        model = connection.introspection.get_migratable_models()
        context = next(found for found in model if found._meta.db_table == "contexts")
        editor.remove_index(context, context._meta.indexes[0])
    with pytest.raises(SystemExit) as ended:
        call_command("store", "check")
    assert ended.value.code == 1
    (problem,) = lines(capsys.readouterr().out, State.PROBLEM)
    assert "1 missing: contexts(status, claim_order). Run 'manage.py store index'" in problem
    call_command("store", "index")
    assert capsys.readouterr().out == "Made contexts(status, claim_order).\n"
    call_command("store", "check")
    call_command("store", "index")
    assert "Every index is there." in capsys.readouterr().out


def test_file_that_is_not_there_is_named_and_not_made(tmp_path: Path):
    done = store("check", DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert lines(done.stdout, State.PROBLEM) == [
        "PROBLEM  database       The file is not there yet. Run 'manage.py migrate'."
    ]
    assert list(tmp_path.glob("*.sqlite3*")) == []


def test_empty_database_lacks_its_migrations(tmp_path: Path):
    (tmp_path / "draftline.sqlite3").touch()
    done = store("check", DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    (problem,) = lines(done.stdout, State.PROBLEM)
    assert "are not applied" in problem


def test_file_that_is_no_database_is_named(tmp_path: Path):
    (tmp_path / "draftline.sqlite3").write_text("This is no database.")
    done = store("check", DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "It does not answer: file is not a database." in done.stdout


# --- MongoDB and Redis ----------------------------------------------------------------------------------------
class Stores:
    """A migrated MongoDB and a Redis of this module's own, and a folder for the rest."""

    def __init__(self, folder: Path) -> None:
        self.mongo = MongoServer(folder / "mongodb")
        self.redis = RedisServer(folder / "redis")
        self.folder = folder

    def environment(self, **changes: str) -> dict[str, str]:
        mongo_url = f"{self.mongo.url('draftline')}?w=majority"
        stores = {"DATABASE_URL": mongo_url, "REDIS_URL": self.redis.url()}
        return {**stores, "DATA_DIR": str(self.folder / "data"), **changes}

    def check(self, **changes: str) -> subprocess.CompletedProcess[str]:
        return store("check", **self.environment(**changes))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    found = Stores(tmp_path_factory.mktemp("stores"))
    with found.mongo, found.redis:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **found.environment()}
        command = [sys.executable, "manage.py", "migrate", "--noinput", "-v0"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=100)
        yield found


def test_mongodb_and_redis_are_usable(stores: Stores):
    done = stores.check()
    assert done.returncode == 0, done.stdout
    for said in (
        f"MongoDB at 127.0.0.1:{stores.mongo.port}, database draftline",
        "acknowledged when a majority has it",
        "this host's",
        "Every index of every model is there",
        "nothing is thrown away (noeviction)",
        "It writes its commands to the disk",
    ):
        assert said in done.stdout


def test_machines_read_it_as_json(stores: Stores):
    done = store("check --json", **stores.environment())
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["usable"] is True
    assert {"about": "migrations", "text": "All are applied", "state": "ok", "advice": ""} in report["facts"]


def test_index_that_somebody_dropped_in_mongodb_is_named_and_made_again(stores: Stores):
    client: MongoClient[dict[str, Any]] = MongoClient(stores.mongo.url("draftline"))
    with client:
        collection = client["draftline"]["contexts"]
        collection.drop_index("contexts_due")
        done = stores.check()
        assert done.returncode == 1
        assert "1 missing: contexts(status, next_retry_at, ended_at)" in done.stdout
        assert store("index", **stores.environment()).stdout == "Made contexts(status, next_retry_at, ended_at).\n"
        assert "contexts_due" in collection.index_information()
    assert stores.check().returncode == 0


def test_writes_that_a_failover_may_lose_are_a_problem(stores: Stores):
    done = stores.check(DATABASE_URL=stores.mongo.url("draftline") + "?w=1")
    assert done.returncode == 1
    assert "acknowledged with w=1: a failover may lose what was accepted. Set w=majority" in done.stdout


def test_reads_that_may_be_late_are_a_problem(stores: Stores):
    done = stores.check(DATABASE_URL=stores.mongo.url("draftline") + "?readPreference=secondaryPreferred")
    assert done.returncode == 1
    assert "With readPreference=secondaryPreferred a worker may not see what it has just claimed" in done.stdout


def test_redis_that_throws_keys_away_is_noted(stores: Stores):
    with Redis.from_url(stores.redis.url()) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
        done = stores.check()
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
    assert done.returncode == 0
    assert "The policy allkeys-lru throws keys away" in done.stdout
    assert "forgets the rest when it is killed" in done.stdout


def test_stopped_server_is_named_without_a_traceback(stores: Stores):
    stores.redis.kill()
    done = stores.check()
    stores.redis.start()
    (problem,) = lines(done.stdout, State.PROBLEM)
    assert problem.startswith("PROBLEM  redis          It does not answer: Error 111")
    stores.mongo.kill()
    done = stores.check()
    stores.mongo.start()
    assert done.returncode == 1
    (problem,) = lines(done.stdout, State.PROBLEM)
    assert f"It does not answer: 127.0.0.1:{stores.mongo.port}: [Errno 111] Connection refused. Start it" in problem


def test_password_is_never_shown(stores: Stores):
    refused = {
        "DATABASE_URL": "mongodb://me:secret@127.0.0.1:9/draftline",
        "REDIS_URL": "redis://:secret@127.0.0.1:9/0",
    }
    done = stores.check(**refused)
    assert done.returncode == 1
    assert "secret" not in done.stdout
    assert address_without_password("rediss://me:s@cret@host:1/0?password=secret") == "host:1/0"


def test_redis_that_cannot_take_every_write_is_a_problem():
    assert _role({"role": "master", "cluster_enabled": 0}).state is State.OK
    assert _role({"role": "slave"}).state is State.PROBLEM
    assert _role({"role": "master", "cluster_enabled": 1}).state is State.PROBLEM


def test_server_without_a_replica_set_is_a_problem():
    assert _topology({"isWritablePrimary": True}).state is State.PROBLEM
    assert _topology({"msg": "isdbgrid"}).state is State.OK
    assert _topology({"setName": "rs0", "hosts": ["a", "b", "c"], "primary": "a"}).state is State.OK
