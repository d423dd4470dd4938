"""A mongodb:// address changes the settings as a whole. What needs no server is tried here, in processes of its own."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader
from pymongo import MongoClient

from config.databases import database_from_url
from config.mongo.wiring import CONFIGS, MIGRATION_MODULES, mongo_apps
from config.settings import INSTALLED_APPS
from users.models import Organization

ROOT = Path(__file__).resolve().parents[2]
NOBODY_LISTENS = "mongodb://127.0.0.1:9/draftline"
KEYS = """
from django.apps import apps
print(*(model._meta.label for model in apps.get_models() if "AutoField" in type(model._meta.pk).__name__
        and type(model._meta.pk).__name__ != "ObjectIdAutoField"))
"""
CHANGES = """
from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
loader = MigrationLoader(None)
found = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(graph=loader.graph)
print(*(f"{app}: {operation}" for app, ones in found.items() for one in ones for operation in one.operations))
"""
PIPELINES = """
from django.db.models.functions import Lower
from contexts.models import Context
from users.models import ApiKey
def stages(rows):
    compiler = rows.query.get_compiler("default")
    compiler.pre_sql_setup()
    query = compiler.build_query(None if compiler.query.default_cols else compiler.columns)
    print(*(name for stage in query.get_pipeline() for name in stage))
pending = Context.objects.filter(status="pending")
stages(pending.order_by("claim_order").values_list("pk", flat=True)[:9])
stages(pending.order_by("-pk")[:9])
stages(pending.order_by("-pk").defer("data")[9:18])
stages(pending.order_by(Lower("title"))[:9])
stages(pending.order_by("-batch__name")[:9])
stages(ApiKey.objects.filter(key_hash="x", organization__is_active=True).order_by())
"""
FORK = """
import os
from django.db import connection
connection.connection = connection.get_new_connection(connection.get_connection_params())
assert connection._connection_pools, "there is a client"
child = os.fork()
if not child:
    os._exit(len(connection._connection_pools))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), end="")
"""


def run_on_mongo(code: str, data_dir: Path) -> str:
    """Return what ``code`` prints in a Draftline whose database is MongoDB."""
    environment = {
        **os.environ,
        "DATABASE_URL": NOBODY_LISTENS,
        "DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "-c", f"import django\ndjango.setup()\n{code}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_model_numbers_its_rows_on_mongodb(tmp_path: Path):
    assert run_on_mongo(KEYS, tmp_path) == ""


def test_models_and_migrations_agree_on_mongodb(tmp_path: Path):
    assert run_on_mongo(CHANGES, tmp_path) == ""


def test_stored_fields_are_sorted_by_before_any_are_made_or_chosen(tmp_path: Path):
    claim, whole, without_data, by_expression, by_joined, joined = run_on_mongo(PIPELINES, tmp_path).splitlines()
    assert claim == "$match $sort $limit $project"
    assert whole == "$match $sort $limit"
    assert without_data == "$match $sort $skip $limit $project"
    assert by_expression == "$match $addFields $sort $limit"
    assert by_joined.endswith("$match $addFields $sort $limit"), "what is joined is there only after the join"
    assert joined.startswith("$match $lookup"), "the key is found before its organization is"


def test_a_fork_takes_no_mongodb_client_along(tmp_path: Path):
    assert run_on_mongo(FORK, tmp_path) == "0"


@pytest.mark.mongodb("it needs a server")
@pytest.mark.django_db
def test_a_fork_takes_nothing_from_the_threads_of_its_parent():
    """As when a component starts a pool of processes."""
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(Organization.objects.exists).result() is False
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        assert threads.submit(Organization.objects.exists).result() is False


@pytest.mark.parametrize("label", sorted(MIGRATION_MODULES))
def test_migrations_for_mongodb_are_named_like_the_newest_of_the_app(label: str):
    newest = {name for _, name in MigrationLoader(None).graph.leaf_nodes(label)}
    folder = ROOT / Path(*MIGRATION_MODULES[label].split("."))
    ours = {path.stem for path in folder.glob("0*.py")}
    assert newest <= ours


def test_answered_writes_are_durable_and_a_silent_server_holds_nobody_for_ever(tmp_path: Path):
    client = client_for("mongodb://127.0.0.1:9/draftline", tmp_path)
    assert client.write_concern.document == {"w": "majority", "j": True}
    assert client.read_concern.level == "majority"
    assert client.options.retry_writes
    assert client.options.server_selection_timeout <= 5
    assert client.options.pool_options.connect_timeout == 5
    assert client.options.pool_options.socket_timeout == 30


def test_option_in_the_address_wins(tmp_path: Path):
    client = client_for("mongodb://127.0.0.1:9/draftline?w=1&SocketTimeoutMS=90000&readconcernlevel=local", tmp_path)
    assert client.write_concern.document == {"w": 1, "j": True}
    assert client.read_concern.level == "local"
    assert client.options.pool_options.socket_timeout == 90


def client_for(url: str, data_dir: Path) -> MongoClient:
    """Return a client as Django's backend makes it."""
    entry = database_from_url(url, data_dir)
    return MongoClient(host=entry["HOST"], connect=False, **entry["OPTIONS"])


def test_only_apps_from_outside_are_exchanged_and_all_of_them_are_installed():
    plain = {new: old for old, new in CONFIGS.items()}
    installed = [plain.get(name, name) for name in INSTALLED_APPS]  # these tests may run on MongoDB
    exchanged = mongo_apps(installed)
    assert [new for old, new in zip(installed, exchanged, strict=True) if old != new] == [
        CONFIGS[name] for name in installed if name in CONFIGS
    ]
    assert set(CONFIGS) <= set(installed)
