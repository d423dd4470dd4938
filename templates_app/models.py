"""Templates and their versions."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from base import clock
from base.fields import IdField
from base.ids import new_id
from templates_app.structure import SLUG_PATTERN, SLUG_WORDS
from users.models import OwnedOrShared


def new_template_id() -> str:
    return new_id("tmpl")


class Template(OwnedOrShared):
    """A named recipe. Its text stands in its versions; the newest published one is the live one."""

    id = IdField(new_template_id)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    type = models.CharField(
        max_length=50,
        validators=[RegexValidator(SLUG_PATTERN, SLUG_WORDS)],
        help_text="The type of context that it serves, such as article.",
    )
    tone = models.CharField(max_length=100, blank=True, help_text="Empty: any tone.")
    audience = models.CharField(max_length=100, blank=True, help_text="Empty: any audience.")
    tags = models.JSONField(default=list, blank=True)
    is_default = models.BooleanField(default=False, help_text="Serves its type where no other template fits.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        db_table = "templates"
        ordering = ["name"]
        indexes = [models.Index(fields=["type", "is_active"], name="templates_type")]

    def __str__(self) -> str:
        return self.name


class VersionIsImmutable(Exception):
    """A published version is not changed; write a new draft."""


class TemplateVersion(models.Model):
    """The numbered text of a template. A draft may change; once published it never does.

    The id is ``{template_id}.v{number}``: two people who start a draft at once collide instead of forking.
    """

    id = IdField()
    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(editable=False)
    structure = models.JSONField()
    note = models.CharField(max_length=500, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "template_versions"
        ordering = ["template", "-number"]
        indexes = [models.Index(fields=["template", "number"], name="template_versions_number")]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.number}"

    @property
    def is_published(self) -> bool:
        return self.published_at is not None

    @property
    def changed_at(self) -> datetime:
        """Return when its text or its state last changed: a draft when it was saved, else when it was published."""
        return max(self.updated_at, self.published_at or self.updated_at)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a draft.

        Raises:
            VersionIsImmutable: the stored row is published.
        """
        if not self._state.adding:
            stored = TemplateVersion.objects.filter(pk=self.pk).values_list("published_at", flat=True).first()
            if stored is not None:
                raise VersionIsImmutable(f"{self} is published; start a new draft instead.")
        super().save(*args, **kwargs)
