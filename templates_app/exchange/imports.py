"""Import of a file of templates: first what it would change, then the changes.

A file is taken as a whole or not at all: an entry that cannot be taken keeps the others back. Each entry is then
written by the services that a person's own click uses, one after the other; where somebody else is faster in that
moment, the entry is told and stays as it is, and the same file can be imported again: what is done already counts as
unchanged.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from base.problems import Conflict, InvalidInput, Problem
from base.strict_json import faults_in
from templates_app.comparison import Fact, SectionChange, sections_compared
from templates_app.exchange.files import PURPOSE, Entry, FileTemplate, fault_text
from templates_app.models import Template, TemplateVersion
from templates_app.selectors import drafts_of, live_versions
from templates_app.services import draft_publish, draft_save, structure_read, template_change, template_create
from users.models import User


@dataclass(frozen=True)
class Importing:
    """Who imports, for whom, and what is to become of the texts.

    Args:
        organization_id: whom the person is bound to; None for staff of Draftline.
        owner_id: who owns what is new; None for a template that all share.
        to_publish: the texts become live; else they are drafts.
    """

    author: User
    organization_id: str | None
    owner_id: str | None
    to_publish: bool
    note: str = ""


@dataclass(frozen=True)
class Planned:
    """What an import would do with one entry.

    Args:
        template, live, draft: what is there; None where nothing is.
        reasons: why it cannot be taken; empty where it can.
        purpose, sections: what would change.
    """

    entry: Entry
    template: Template | None = None
    live: TemplateVersion | None = None
    draft: TemplateVersion | None = None
    reasons: tuple[str, ...] = ()
    purpose: tuple[Fact, ...] = ()
    sections: tuple[SectionChange, ...] = ()
    changes_text: bool = False

    @property
    def kind(self) -> str:
        """Return refused, new, changed or unchanged."""
        if self.reasons:
            return "refused"
        if self.template is None:
            return "new"
        return "changed" if self.purpose or self.changes_text else "unchanged"


def import_plan(entries: Sequence[Entry], importing: Importing) -> list[Planned]:
    """Return what an import would do; nothing is stored."""
    wishes = [entry.wish for entry in entries if entry.wish]
    ids = [wish.id for wish in wishes if wish.id]
    there = {template.pk: template for template in Template.objects.filter(pk__in=ids)}
    live, drafts = live_versions(there), drafts_of(there)
    repeated = {name for name, count in Counter(_marks(wishes)).items() if count > 1}
    taken = _names_taken([wish.name for wish in wishes], importing.owner_id)
    plan = []
    for entry in entries:
        if entry.wish is None:
            plan.append(Planned(entry, reasons=tuple(fault_text(fault) for fault in entry.faults)))
            continue
        template = there.get(entry.wish.id or "")
        found = _Found(template, live.get(template.pk), drafts.get(template.pk)) if template else _Found()
        reasons = [*_reasons(entry.wish, found, importing, taken), *_repeats(entry.wish, repeated)]
        plan.append(_planned(entry, entry.wish, found, reasons, importing))
    return plan


def fingerprint(plan: Sequence[Planned], importing: Importing) -> str:
    """Return a mark of all that a plan depends on: a plan that a person saw is carried out only while it holds."""
    state = [
        f"{planned.kind} {planned.entry.wish!r} {_mark(planned.template)} {_mark(planned.live)} {_mark(planned.draft)}"
        for planned in plan
    ]
    said = "\n".join([str(importing.to_publish), str(importing.owner_id), *state])
    return hashlib.sha256(said.encode()).hexdigest()


def import_apply(plan: Sequence[Planned], importing: Importing) -> Iterator[tuple[Planned, Template | None, str]]:
    """Write what a plan says, entry by entry; yield each with its template and what was done or why it was not.

    Without a template nothing was done. An entry that is unchanged is passed over.

    Raises:
        Conflict: an entry of the plan is refused; nothing was stored.
    """
    if any(planned.kind == "refused" for planned in plan):
        raise Conflict("The file was not imported: correct the refused entries, or take them out.")
    for planned in plan:
        if planned.kind == "unchanged":
            continue
        try:
            yield planned, *_applied(planned, importing)
        except Problem as exc:
            yield planned, None, exc.detail


# --- the plan -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Found:
    template: Template | None = None
    live: TemplateVersion | None = None
    draft: TemplateVersion | None = None


def _marks(wishes: list[FileTemplate]) -> list[str]:
    return [
        mark for wish in wishes for mark in (f"the id {wish.id}" if wish.id else "", f"the name {wish.name!r}") if mark
    ]


def _repeats(wish: FileTemplate, repeated: set[str]) -> list[str]:
    return [f"The file has {mark} more than once." for mark in _marks([wish]) if mark in repeated]


def _names_taken(names: list[str], owner_id: str | None) -> dict[str, str]:
    rows = Template.objects.filter(name__in=names, organization_id=owner_id)
    return dict(rows.values_list("name", "pk"))


def _reasons(wish: FileTemplate, found: _Found, importing: Importing, taken: dict[str, str]) -> Iterator[str]:
    template, own = found.template, importing.organization_id
    if template is not None and own is not None and template.organization_id != own:
        if template.organization_id is None:
            yield f"{wish.id} is shared: only staff of Draftline change it. Take the id out to make one of your own."
        else:
            yield f"The id {wish.id} cannot be used here. Take it out: a new one is made."
        return
    if template is None and wish.name in taken:
        yield f"{taken[wish.name]} has the name {wish.name!r} already: give its id to change it, or another name."
    if faults := faults_in(wish.structure):
        yield from (fault.message for fault in faults)
        return
    try:
        structure_read(wish.structure, to_publish=importing.to_publish)
    except InvalidInput as exc:
        yield from (fault.message for fault in exc.errors)
    if found.draft and found.draft.structure != wish.structure and not _is_live(wish, found):
        yield "It has a draft that says something else: publish or discard that first, so that nobody's work is lost."


def _is_live(wish: FileTemplate, found: _Found) -> bool:
    return found.live is not None and found.live.structure == wish.structure


def _planned(entry: Entry, wish: FileTemplate, found: _Found, reasons: list[str], importing: Importing) -> Planned:
    if reasons and found.template and importing.organization_id not in (None, found.template.organization_id):
        return Planned(entry, reasons=tuple(reasons))  # nothing of what is not theirs is shown
    shown = found.live or found.draft
    has_draft = found.draft is not None and found.draft.structure == wish.structure
    changes_text = not _is_live(wish, found) and (importing.to_publish or not has_draft)
    return Planned(
        entry=entry,
        template=found.template,
        live=found.live,
        draft=found.draft,
        reasons=tuple(reasons),
        purpose=tuple(_purpose(found.template, wish)) if found.template else (),
        sections=tuple(sections_compared(shown.structure if shown else None, wish.structure)),
        changes_text=changes_text,
    )


def _purpose(template: Template, wish: FileTemplate) -> Iterator[Fact]:
    for name in PURPOSE:
        old, new = getattr(template, name), getattr(wish, name)
        if old != new:
            yield Fact(name.capitalize(), _text(old), _text(new))


def _text(value: Any) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)


def _mark(row: Template | TemplateVersion | None) -> str:
    return f"{row.pk} {row.updated_at.isoformat()}" if row else "-"


# --- the writes ---------------------------------------------------------------------------------------------------
def _applied(planned: Planned, importing: Importing) -> tuple[Template, str]:
    wish = planned.entry.wish
    assert wish is not None  # the others are refused
    template = _template(planned, wish, importing)
    if not planned.changes_text:
        return template, "what it is for"
    draft = planned.draft
    if draft is None or draft.structure != wish.structure:
        draft = draft_save(template, structure=wish.structure, note=importing.note, author=importing.author)
    if not importing.to_publish:
        return template, f"the draft, version {draft.number}"
    version = draft_publish(draft, author=importing.author)
    return template, f"version {version.number}, which is live now"


def _template(planned: Planned, wish: FileTemplate, importing: Importing) -> Template:
    if planned.template is None:
        new = Template(**({"id": wish.id} if wish.id else {}), **wish.purpose, organization_id=importing.owner_id)
        made = template_create(new)[0]
        if made.organization_id != importing.owner_id:  # another organization took the id in the same moment
            raise Conflict(f"The id {wish.id} cannot be used here. Take it out: a new one is made.")
        return made
    changed = [name for name in PURPOSE if getattr(planned.template, name) != getattr(wish, name)]
    if not changed:
        return planned.template
    return template_change(planned.template, {name: getattr(wish, name) for name in changed})
