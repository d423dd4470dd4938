"""In the list of templates: how often each was used lately, and with what success."""

from collections.abc import Mapping, Sequence

from django.http import HttpRequest

from contexts.admin.texts import count_text, percent_text
from contexts.outcomes.selectors import TemplateUse, template_uses
from templates_app.admin.list_columns import Column, column_add
from templates_app.models import Template
from users.scoped_admin import organization_of

ASKED = "template_uses"


def _uses(request: HttpRequest, templates: Sequence[Template]) -> dict[str, TemplateUse]:
    """Read the uses of a page's templates: once for both columns."""
    found: dict[str, TemplateUse] | None = getattr(request, ASKED, None)
    if found is None:
        found = template_uses([template.pk for template in templates], organization_of(request))
        setattr(request, ASKED, found)
    return found


def _counts(request: HttpRequest, templates: Sequence[Template]) -> Mapping[str, str]:
    return {pk: count_text(use.uses) for pk, use in _uses(request, templates).items()}


def _rates(request: HttpRequest, templates: Sequence[Template]) -> Mapping[str, str]:
    return {pk: percent_text(use.success_rate) for pk, use in _uses(request, templates).items()}


def _may_see(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("contexts.view_context"))


column_add(Column("uses", "Uses, 7 days", _may_see, _counts))
column_add(Column("success", "Success", _may_see, _rates))
