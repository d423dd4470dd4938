"""Loads the samples. Safe to repeat and to interrupt: each row is made where none has its id, and none is changed."""

from typing import Any

from components.models import Component, Pipeline
from contexts.samples import sample
from contexts.samples.pictures import draw_picture
from media_app.models import Asset
from media_app.services import asset_ingest
from templates_app.models import Template
from templates_app.services import draft_publish, draft_save
from users.services import organization_default

# written last: where it is, all were loaded, and what an editor has removed since stays removed
LAST_PIPELINE_ID = "pipe_article_generation"
NOTE = "Sample"


def samples_were_loaded() -> bool:
    """Tell whether a load has run to its end in this database."""
    return Pipeline.objects.filter(pk=LAST_PIPELINE_ID).exists()


def samples_load() -> list[str]:
    """Make every sample that is missing; return what was made."""
    organization_default()
    made = [_template(row) for row in sample("templates")]
    made += [_row(Component, row) for row in sample("components")]
    made += [_asset(row) for row in sample("assets")]
    made += [_row(Pipeline, row) for row in sample("pipelines")]
    return [name for name in made if name]


def _template(row: dict[str, Any]) -> str:
    """Make a template with its first version published; finish one whose making was interrupted."""
    structure = row.pop("structure")
    template, _ = Template.objects.get_or_create(id=row["id"], defaults=row)
    if template.versions.exclude(note=NOTE, published_at=None).exists():
        return ""
    draft_publish(draft_save(template, structure=structure, note=NOTE))
    return template.pk


def _row(model: type[Component] | type[Pipeline], row: dict[str, Any]) -> str:
    _, is_new = model.objects.get_or_create(id=row["id"], defaults=row)
    return str(row["id"]) if is_new else ""


def _asset(row: dict[str, Any]) -> str:
    if Asset.objects.filter(organization=None, title=row["title"]).exists():
        return ""
    asset, _ = asset_ingest(
        content=draw_picture(row["picture"]),
        title=row["title"],
        alt=row["alt"],
        tags=row["tags"],
        organization=None,
    )
    return asset.pk
