"""Configured components and named pipelines."""

from django.core.validators import RegexValidator
from django.db import models

from base import clock
from base.fields import IdField
from base.ids import new_id
from templates_app.structure import SLUG_PATTERN, SLUG_WORDS
from users.models import OwnedOrShared


def new_component_id() -> str:
    return new_id("comp")


def new_pipeline_id() -> str:
    return new_id("pipe")


class Component(models.Model):
    """A named configuration of a component type, such as comp_ai_generator_gpt4."""

    id = IdField(new_component_id)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    type = models.CharField(max_length=100, help_text="The component that it configures.")
    config = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        db_table = "components"
        ordering = ["name"]
        verbose_name = "component setting"

    def __str__(self) -> str:
        return self.name


class Pipeline(OwnedOrShared):
    """An ordered list of steps with a name. A context copies the steps: later edits do not change it."""

    id = IdField(new_pipeline_id)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    context_type = models.CharField(
        max_length=50,
        blank=True,
        validators=[RegexValidator(SLUG_PATTERN, SLUG_WORDS)],
        help_text="The type of context that it is meant for; empty for any.",
    )
    is_default = models.BooleanField(default=False, help_text="Used for its type where a context names no pipeline.")
    steps = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        db_table = "pipelines"
        ordering = ["name"]
        indexes = [models.Index(fields=["context_type", "is_default"], name="pipelines_default")]

    def __str__(self) -> str:
        return self.name
