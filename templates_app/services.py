"""Every write of templates and their versions. Published versions never change.

A template has at most one draft; the live version is the published one with the highest number, so that publishing
is one write and nothing can disagree with it.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from base import clock
from base.inserting import insert
from base.problems import Conflict, Fault, InvalidInput, NotFound
from base.strict_json import faults_in
from base.validation import read_model
from templates_app.answers import template_answers
from templates_app.models import Template, TemplateVersion
from templates_app.prompts import prompt_faults
from templates_app.selection import NoTemplateFits, SelectedTemplate, template_select
from templates_app.selectors import draft_of, live_version
from templates_app.structure import Structure
from users.idempotency import Idempotency
from users.models import User

__all__ = [
    "NoTemplateFits",
    "SelectedTemplate",
    "draft_discard",
    "draft_publish",
    "draft_save",
    "live_version",
    "structure_read",
    "template_change",
    "template_create",
    "template_duplicate",
    "template_roll_back",
    "template_save",
    "template_select",
]

MAX_NAME_LENGTH = 200
MAX_NOTE_LENGTH = 500
COPY = " (copy)"
NUMBER_ATTEMPTS = 5


def structure_read(structure: Any, *, to_publish: bool) -> Structure:
    """Return a structure, checked.

    Raises:
        InvalidInput: it does not fit (paths such as ``/sections/0/instructions``), or, if it is to be published,
            its Jinja does not parse or names an unknown variable.
    """
    if faults := faults_in(structure):
        raise InvalidInput(faults)
    read = read_model(Structure, structure)
    if to_publish and (faults := prompt_faults(read)):
        raise InvalidInput(faults)
    return read


def template_save(template: Template) -> Template:
    """Store what a template is for; a new default takes the place of the former one of its type and organization.

    The former default is cleared last: a crash between leaves two, of which selection takes one.
    """
    template.updated_at = clock.now()
    template.save()
    return _saved(template)


def template_create(template: Template, *, idempotency: Idempotency | None = None) -> tuple[Template, bool]:
    """Store a new template. Return it, and whether this is the first such request.

    Raises:
        IdempotencyMismatch: the key was used with another body.
    """
    template.pk, is_new = idempotency.claim(template.pk) if idempotency else (template.pk, True)
    existing = None if is_new else Template.objects.filter(pk=template.pk).first()
    if existing is not None:
        return _saved(existing), False  # a crash may have come before the former default was cleared
    try:
        insert([template])
    except IntegrityError:  # a twin of this request was faster
        return Template.objects.get(pk=template.pk), is_new
    return _saved(template), is_new


def template_duplicate(template: Template, *, owner_id: str | None, author: User | None = None) -> Template:
    """Make a new template that says the same, as a draft; it serves nobody before it is switched on and published.

    A crash between its two rows leaves one without a text, which can be removed or written.

    Args:
        owner_id: whose it is; None for one that all share.

    Raises:
        NotFound: the template has no text yet.
    """
    text = draft_of(template.pk) or live_version(template.pk)
    if text is None:
        raise NotFound(f"{template.pk} has no text yet: there is nothing to duplicate.")
    purpose = {name: getattr(template, name) for name in ("type", "description", "tone", "audience", "tags")}
    name = f"{template.name[: MAX_NAME_LENGTH - len(COPY)]}{COPY}"
    copy, _ = template_create(Template(**purpose, name=name, organization_id=owner_id, is_active=False))
    state = f"version {text.number}" if text.is_published else "the draft"
    note = f"A copy of {state} of {template.name}"[:MAX_NOTE_LENGTH]
    draft_save(copy, structure=text.structure, note=note, author=author)
    return copy


def template_change(template: Template, changes: dict[str, Any]) -> Template:
    """Change some fields of a template, unless somebody else changed it since it was read.

    Raises:
        Conflict: somebody did; nothing was changed.
    """
    unchanged = Template.objects.filter(pk=template.pk, updated_at=template.updated_at)
    if not unchanged.update(**changes, updated_at=_later_than(template.updated_at)):
        raise Conflict(f"{template.pk} was changed by somebody else at this moment; read it again, then decide.")
    template.refresh_from_db()
    return _saved(template)


def _saved(template: Template) -> Template:
    if template.is_default:
        former = Template.objects.filter(
            type=template.type, organization_id=template.organization_id, is_default=True
        ).exclude(pk=template.pk)
        former.update(is_default=False, updated_at=clock.now())
    template_answers.forget()
    return template


def _later_than(moment: datetime) -> datetime:
    """Return the time of a change: later than the one before, for it tells one state from another."""
    return max(clock.now(), moment + timedelta(milliseconds=1))


def draft_save(
    template: Template,
    *,
    structure: dict[str, Any],
    note: str = "",
    author: User | None = None,
    seen: TemplateVersion | None = None,
) -> TemplateVersion:
    """Store the draft: a new one, or the one there is. Its Jinja may still be unfinished.

    Args:
        seen: the draft that is to be replaced, as it was read: one that changed since stays.

    Raises:
        InvalidInput: the structure or the note does not fit; nothing was stored.
        Conflict: somebody else started, changed or published a draft in the same moment.
    """
    document = structure_read(structure, to_publish=False).document()
    if len(note) > MAX_NOTE_LENGTH:
        raise InvalidInput([Fault("/note", f"The note is longer than {MAX_NOTE_LENGTH} characters.")])
    draft = seen or draft_of(template.pk)
    if draft is None:
        return _draft_start(template, document, note, author)
    rows = _unpublished(draft).filter(updated_at=seen.updated_at) if seen else _unpublished(draft)
    changed_at = _later_than(draft.updated_at)
    if not rows.update(structure=document, note=note, author=author or draft.author, updated_at=changed_at):
        raise Conflict(f"{draft} was changed or published in the same moment; read it again and repeat your change.")
    draft.refresh_from_db()
    return draft


def _draft_start(template: Template, document: dict[str, Any], note: str, author: User | None) -> TemplateVersion:
    try:
        return _insert(template.pk, document, note, author, published_at=None)
    except IntegrityError as exc:
        raise Conflict("Somebody else started a draft in the same moment; load the page again.") from exc


def draft_publish(version: TemplateVersion, *, note: str | None = None, author: User | None = None) -> TemplateVersion:
    """Make a draft the live version: one conditional update of its row.

    A draft that is older than the live version (something was rolled back while it was written) is published under
    a new number, since the highest number is the live one; only then its row goes. A crash between leaves the draft.

    Args:
        note: in place of the draft's own; None keeps that.

    Raises:
        InvalidInput: the structure does not fit, or its Jinja is wrong; nothing was published.
        Conflict: it is published already, or was changed since ``version`` was read.
    """
    structure_read(version.structure, to_publish=True)
    if version.is_published:
        raise Conflict(f"{version} is published already.")
    live, note = live_version(version.template_id), version.note if note is None else note
    if live is not None and live.number > version.number:
        published = _insert_published(version.template_id, version.structure, note, author or version.author)
        _unpublished(version).delete()
        return published
    # what was checked is what gets published: the text must be the one that was read
    unchanged = _unpublished(version).filter(updated_at=version.updated_at)
    if not unchanged.update(published_at=clock.now(), note=note, author=author or version.author):
        raise Conflict(f"{version} was changed or published by somebody else; load the page again.")
    template_answers.forget()
    version.refresh_from_db()
    return version


def draft_discard(template: Template, *, seen: TemplateVersion | None = None) -> None:
    """Throw the draft away; the live version stays. Without a draft nothing happens.

    Args:
        seen: the draft as it was read: one that changed since stays.

    Raises:
        Conflict: the draft that was seen has changed.
    """
    if seen is None:
        TemplateVersion.objects.filter(template_id=template.pk, published_at__isnull=True).delete()
    elif not _unpublished(seen).filter(updated_at=seen.updated_at).delete()[0]:
        raise Conflict(f"{seen} was changed or published in the same moment; it was left as it is.")


def template_roll_back(
    template: Template, *, number: int, note: str = "", author: User | None = None
) -> TemplateVersion:
    """Publish a copy of an old version, under a new number. A draft stays as it is.

    Raises:
        NotFound: no such version was published.
        Conflict: its text is live already, so that a repeated wish changes nothing.
    """
    old = TemplateVersion.objects.filter(template_id=template.pk, number=number, published_at__isnull=False).first()
    if old is None:
        raise NotFound(f"There is no published version {number} of {template.pk!r}.")
    live = live_version(template.pk)
    if live is not None and live.structure == old.structure:
        raise Conflict(f"The text of version {number} is live already.")
    structure_read(old.structure, to_publish=True)
    return _insert_published(template.pk, old.structure, note or f"Back to version {number}", author)


def _unpublished(version: TemplateVersion) -> Any:
    return TemplateVersion.objects.filter(pk=version.pk, published_at__isnull=True)


def _insert_published(template_id: str, structure: dict[str, Any], note: str, author: User | None) -> TemplateVersion:
    for _ in range(NUMBER_ATTEMPTS):
        try:
            published = _insert(template_id, structure, note, author, published_at=clock.now())
        except IntegrityError:
            continue  # somebody took the number; the next one is ours
        template_answers.forget()
        return published
    raise Conflict("Several people publish this template at once; try again.")


def _insert(
    template_id: str, structure: dict[str, Any], note: str, author: User | None, *, published_at: datetime | None
) -> TemplateVersion:
    newest = TemplateVersion.objects.filter(template_id=template_id).aggregate(newest=Max("number"))["newest"]
    number = (newest or 0) + 1
    with transaction.atomic():  # a savepoint: the admin's transaction must survive a number that is taken
        return TemplateVersion.objects.create(
            id=f"{template_id}.v{number}",
            template_id=template_id,
            number=number,
            structure=structure,
            note=note,
            author=author,
            published_at=published_at,
        )
