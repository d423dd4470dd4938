"""Every read of templates and their versions."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from base.problems import NotFound
from templates_app.models import Template, TemplateVersion
from users.models import User


def templates_visible(organization_id: str | None) -> QuerySet[Template]:
    """Return the organization's own templates and the shared ones; None means all of everybody."""
    rows = Template.objects.all()
    if organization_id is None:
        return rows
    return rows.filter(Q(organization_id=organization_id) | Q(organization_id__isnull=True))


def template_get(template_id: str, organization_id: str | None) -> Template:
    """Return one template.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    template = templates_visible(organization_id).filter(pk=template_id).first()
    if template is None:
        raise NotFound(f"There is no template {template_id!r}.")
    return template


def live_version(template_id: str) -> TemplateVersion | None:
    """Return the newest published version; None before the first."""
    return live_versions([template_id]).get(template_id)


def live_versions(template_ids: Iterable[str], *, with_text: bool = True) -> dict[str, TemplateVersion]:
    """Return the live version of each template that has one."""
    published = TemplateVersion.objects.filter(template_id__in=list(template_ids), published_at__isnull=False)
    if not with_text:
        published = published.defer("structure")
    return {version.template_id: version for version in published.order_by("number")}


def draft_of(template_id: str) -> TemplateVersion | None:
    """Return the version that is being written; None if there is none."""
    return drafts_of([template_id]).get(template_id)


def drafts_of(template_ids: Iterable[str]) -> dict[str, TemplateVersion]:
    """Return the version of each template that is being written."""
    drafts = TemplateVersion.objects.filter(template_id__in=list(template_ids), published_at__isnull=True)
    return {version.template_id: version for version in drafts.order_by("number")}


def last_changed_versions(template_ids: Iterable[str]) -> dict[str, TemplateVersion]:
    """Return the version of each template that somebody saved or published last; without its text."""
    rows = TemplateVersion.objects.filter(template_id__in=list(template_ids)).defer("structure")
    return {version.template_id: version for version in sorted(rows, key=lambda version: version.changed_at)}


def drafted_ids(template_ids: Iterable[str]) -> set[str]:
    """Return which of the templates have a draft."""
    drafts = TemplateVersion.objects.filter(template_id__in=list(template_ids), published_at__isnull=True)
    return set(drafts.values_list("template_id", flat=True))


def exported_versions(template_ids: Iterable[str]) -> dict[str, TemplateVersion]:
    """Return the text of each template that goes into a file: the live one, else the draft."""
    ids = list(template_ids)
    return {**drafts_of(ids), **live_versions(ids)}


def published_versions(template_id: str) -> QuerySet[TemplateVersion]:
    """Return what was published, the live version first."""
    return TemplateVersion.objects.filter(template_id=template_id, published_at__isnull=False).order_by("-number")


def author_names(versions: list[TemplateVersion], organization_id: str | None) -> dict[str, str]:
    """Return the names of those who wrote the versions, by user id, as far as an organization may know them.

    A template that became shared, or another's, keeps its authors; people of other organizations are not named.
    """
    ids = {version.author_id for version in versions if version.author_id}
    people = User.objects.filter(pk__in=sorted(ids))
    if organization_id is not None:
        people = people.filter(Q(organization_id=organization_id) | Q(organization_id__isnull=True))
    return {user.pk: user.get_full_name() for user in people}
