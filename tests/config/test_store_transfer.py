"""What an export holds an import brings back as it was; a file or a database that does not fit is refused in time."""

import gzip
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db.models import Model

from base import clock
from config.store.export import models_carried, store_export
from config.store.restore import store_import
from contexts.models import Batch, Context, StepTranscript, Worker
from tests.contexts.rows import make_context
from users.models import Organization, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "draftline.jsonl.gz"


@pytest.fixture
def rows(organization: Organization, administrator: User) -> None:
    batch = Batch.objects.create(organization=organization, total=1)
    context = make_context(organization, batch=batch, data={"title": "Ä \u2028", "n": [1, None, 2.5, {"a": {}}]})
    StepTranscript.objects.create(id=f"{context.pk}:1:template", context_id=context.pk, prompt="Write", output="Done")
    LogEntry.objects.create(
        user=administrator,
        content_type=ContentType.objects.get_for_model(Organization),
        object_id=organization.pk,
        object_repr="Test",
        action_flag=CHANGE,
        action_time=clock.now(),
    )
    Worker.objects.create(host="gone", pid=1)


def everything() -> dict[str, list[dict[str, Any]]]:
    found = {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models_carried()}
    for entry in found["admin.LogEntry"]:
        entry.pop("id")
    return found


def empty() -> None:
    """Remove all rows; contexts protect their organization, so what refers goes first."""
    models: list[type[Model]] = [Worker, LogEntry, Context, *models_carried()]
    for model in models:
        model._base_manager.all().delete()


@pytest.mark.usefixtures("rows")
def test_import_brings_back_every_row_as_it_was(path: Path):
    before = everything()
    store_export(path)
    empty()
    counts = store_import(path)
    assert everything() == before
    assert counts["contexts.Context"] == counts["admin.LogEntry"] == 1
    assert not Worker.objects.exists(), "workers of another life are not brought back"


@pytest.mark.usefixtures("rows")
def test_export_is_for_its_owner_only_and_says_what_it_holds(path: Path, capsys: pytest.CaptureFixture[str]):
    call_command("store", "export", str(path))
    assert "1 Context" in capsys.readouterr().out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.usefixtures("rows")
def test_database_that_holds_something_is_left_alone(path: Path):
    store_export(path)
    before = everything()
    with pytest.raises(CommandError, match="has batches already"):
        call_command("store", "import", str(path))
    assert everything() == before


def rewrite(path: Path, change) -> None:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(change(lines))


def with_other_schema(lines: list[str]) -> list[str]:
    head = json.loads(lines[0])
    head["schema"]["contexts"] = "9999_of_tomorrow"
    return [json.dumps(head) + "\n", *lines[1:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:-1], "is not whole"),
        (lambda lines: [*lines[:1], *lines[2:]], "is not whole"),
        (lambda lines: lines[1:], "is no export of Draftline"),
        (with_other_schema, "whose tables differ"),
        (lambda lines: ["no JSON"], "cannot be read to its end"),
    ],
)
@pytest.mark.usefixtures("organization")
def test_file_that_does_not_fit_is_refused_before_anything_is_written(path: Path, change, said: str):
    store_export(path)
    rewrite(path, change)
    Organization.objects.all().delete()
    with pytest.raises(CommandError, match=said):
        call_command("store", "import", str(path))
    assert not Organization.objects.exists()


def test_file_that_was_cut_off_is_refused(path: Path):
    store_export(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CommandError, match="cannot be read to its end"):
        call_command("store", "import", str(path))


@pytest.mark.usefixtures("rows")
def test_batch_that_was_accepted_during_the_export_is_left_out_whole(path: Path):
    store_export(path)
    rewrite(path, lambda lines: [line for line in lines if '"contexts.batch"' not in line])
    rewrite(path, lambda lines: [*lines[:-1], lines[-1].replace('"contexts.Batch": 1', '"contexts.Batch": 0')])
    empty()
    store_import(path)
    assert not Context.objects.exists()
    assert User.objects.count() == 1
