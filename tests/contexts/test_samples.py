"""The sample data: complete, valid, loaded once, and never in the way of what people changed."""

import json
import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from components.models import Component, Pipeline
from components.pipeline import parse_pipeline
from components.services import component_build, pipeline_default, pipeline_plan
from contexts.samples import demo_context, sample
from contexts.samples.administrator import Login, administrator_ensure, administrator_login, password_file
from contexts.samples.loader import samples_load, samples_were_loaded
from media_app.models import Asset
from templates_app.models import Template, TemplateVersion
from templates_app.services import draft_publish, draft_save, live_version, template_select
from users.access import Role
from users.models import User

pytestmark = pytest.mark.django_db
SEED = Path(__file__).resolve().parents[1] / "seed"


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path: Path) -> Path:
    """Pictures and the password land in a folder of this test's own."""
    settings.DATA_DIR = tmp_path
    stores = {**settings.STORAGES}
    stores["default"] = {**stores["default"], "OPTIONS": {"location": tmp_path / "media", "base_url": "/media/"}}
    settings.STORAGES = stores
    return tmp_path


def counts() -> list[int]:
    return [model.objects.count() for model in (Template, TemplateVersion, Component, Pipeline, Asset)]


def test_demo_context_is_the_seed_document():
    assert demo_context() == json.loads((SEED / "1-initial.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "document"),
    [("after-template", "2-after-template"), ("after-ai-generator", "3-after-ai-generator"), ("completed", "4-final")],
)
def test_examples_of_answers_are_the_seed_documents(name: str, document: str):
    assert sample(name) == json.loads((SEED / f"{document}.json").read_text(encoding="utf-8"))


def test_technical_article_has_the_seed_structure():
    samples_load()
    seed = json.loads((SEED / "2-after-template.json").read_text(encoding="utf-8"))["data"]["template"]
    selected = template_select(organization_id="org_default", type="article", tone="technical", audience="developers")
    assert (selected.id, selected.structure["sections"]) == (seed["id"], seed["sections"])


@pytest.mark.parametrize("kind", ["article", "product_description", "newsletter"])
def test_every_type_has_a_default_template_and_pipeline(kind: str):
    samples_load()
    assert template_select(organization_id=None, type=kind).version == 1
    assert pipeline_default(kind, "org_default") is not None


def test_articles_run_through_the_seed_pipeline_by_default():
    samples_load()
    found = pipeline_default("article", "org_default")
    assert found is not None
    assert (found.pk, found.steps) == ("pipe_article_generation", demo_context()["pipeline"])


def test_every_pipeline_and_component_is_valid():
    samples_load()
    for row in Pipeline.objects.all():
        pipeline_plan(row.steps, from_client=False)
    for component in Component.objects.all():
        component_build(parse_pipeline([component.pk]).steps[0])


def test_second_load_makes_nothing():
    assert samples_load()
    before = counts()
    assert samples_load() == []
    assert counts() == before == [len(sample("templates"))] * 2 + [5, 5, 2]


def test_what_an_editor_changed_stays():
    samples_load()
    template = Template.objects.get(pk="tmpl_article_technical")
    draft_publish(draft_save(template, structure={"sections": [{"type": "body", "instructions": "Mine"}]}))
    Pipeline.objects.filter(pk="pipe_article_generation").update(name="Mine")
    samples_load()
    live = live_version(template.pk)
    assert live is not None
    assert live.structure["sections"][0]["instructions"] == "Mine"
    assert Pipeline.objects.get(pk="pipe_article_generation").name == "Mine"


def test_draft_of_an_editor_is_not_published():
    samples_load()
    TemplateVersion.objects.filter(template_id="tmpl_newsletter").delete()
    draft_save(Template.objects.get(pk="tmpl_newsletter"), structure=sample("templates")[0]["structure"], note="Mine")
    samples_load()
    assert live_version("tmpl_newsletter") is None


def test_interrupted_load_is_finished():
    samples_load()
    Pipeline.objects.filter(pk="pipe_article_generation").delete()
    TemplateVersion.objects.filter(template_id="tmpl_newsletter").update(published_at=None)
    assert not samples_were_loaded()
    assert samples_load() == ["tmpl_newsletter", "pipe_article_generation"]
    assert live_version("tmpl_newsletter") is not None


def test_removed_sample_stays_removed_where_loading_happens_once():
    call_command("loadsamples", "--once", verbosity=0)
    Template.objects.filter(pk="tmpl_newsletter").delete()
    call_command("loadsamples", "--once", verbosity=0)
    assert not Template.objects.filter(pk="tmpl_newsletter").exists()
    call_command("loadsamples", verbosity=0)
    assert Template.objects.filter(pk="tmpl_newsletter").exists()


def test_first_administrator_can_log_in_with_the_password_in_the_file():
    login = administrator_ensure()
    person = User.objects.get(username=login.username)
    assert person.role == Role.ADMINISTRATOR
    assert login.password
    assert person.check_password(password_file().read_text().strip())
    assert stat.S_IMODE(password_file().stat().st_mode) == 0o600
    assert administrator_ensure() == login


def test_existing_administrator_is_left_alone(administrator: User):
    assert administrator_ensure() == Login("admin", None)
    assert not password_file().exists()
    assert User.objects.count() == 1


def test_changed_password_is_not_announced():
    login = administrator_ensure()
    person = User.objects.get(username=login.username)
    person.set_password("another one entirely")
    person.save()
    assert administrator_login() == Login(login.username, None)


def test_name_that_is_taken_is_left_to_its_owner():
    User.objects.create_user("admin", "correct horse battery", role=Role.EDITOR)
    assert administrator_ensure().username == "administrator"


def test_command_says_what_it_made():
    written = StringIO()
    call_command("loadsamples", stdout=written)
    assert "tmpl_article_technical" in written.getvalue()
    assert str(password_file()) in written.getvalue()
