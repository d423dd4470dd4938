"""Every wish of a person about trials: begin, cancel, publish, discard."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError

from base import clock
from base.ids import first_id_at
from base.inserting import insert, insert_missing
from base.problems import Conflict
from components.prices import bill_of
from contexts.models import Context
from contexts.trials import rows
from contexts.trials.models import DRAFT, LIVE, Decision, Trial, TrialItem, TrialKind, TrialState
from contexts.trials.run import bell
from templates_app.models import Template, TemplateVersion
from templates_app.selectors import draft_of, live_version
from templates_app.services import draft_discard, draft_publish
from users.models import User

KEPT = timedelta(days=14)
MOST_CONTEXTS = 50
MAX_TITLE_LENGTH = 300


@dataclass(frozen=True)
class Sample:
    """An input that is no context's.

    Args:
        organization_id: whose media and templates it sees; empty for the shared ones only.
    """

    type: str
    pipeline: list[Any]
    data: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    organization_id: str = ""


@dataclass(frozen=True)
class Trying:
    """Who begins a trial, and what it may use.

    Args:
        trial_id: made when the form was shown, so that a second click begins nothing anew.
        organization_id: whose staff the person is; None for staff of Draftline.
    """

    trial_id: str
    author: User
    organization_id: str | None
    most_tokens: int
    most_usd: float | None = None


def comparison_begin(template: Template, source: Sample | Context, who: Trying) -> tuple[Trial, bool]:
    """Run draft and live on one input, side by side. Return the trial, and whether this is the first such wish.

    Raises:
        Conflict: there is neither a draft nor a live version; or the id is another person's.
    """
    texts = _texts(template, (LIVE, DRAFT))
    trial = _trial(TrialKind.TEST, template, texts, who)
    items = [_item(trial, 1, side, source) for side in texts]
    if isinstance(source, Sample):
        trial.sample = {name: getattr(source, name) for name in ("type", "pipeline", "data", "metadata")}
    return _begin(trial, items)


def replay_begin(template: Template, contexts: Sequence[Context], who: Trying) -> tuple[Trial, bool]:
    """Run the draft on contexts of the past, beside what became of them. Return as `comparison_begin` does.

    Raises:
        Conflict: there is no draft, or no context to run it on; or the id is another person's.
    """
    texts = _texts(template, (DRAFT,))
    if not contexts:
        raise Conflict("No context of this template has ended lately: there is nothing to replay.")
    trial = _trial(TrialKind.REPLAY, template, texts, who)
    chosen = contexts[:MOST_CONTEXTS]
    return _begin(trial, [_item(trial, number, DRAFT, context) for number, context in enumerate(chosen, 1)])


def _texts(template: Template, sides: Sequence[str]) -> dict[str, Any]:
    versions = {DRAFT: draft_of(template.pk), LIVE: live_version(template.pk) if LIVE in sides else None}
    texts = {side: _text(version) for side in sides if (version := versions[side])}
    if not texts:
        raise Conflict(f"{template.name} has no draft: change its text and save the draft first.")
    return texts


def _text(version: TemplateVersion) -> dict[str, Any]:
    return {"version": version.number, "version_id": version.pk, "structure": version.structure}


def _trial(kind: TrialKind, template: Template, texts: dict[str, Any], who: Trying) -> Trial:
    return Trial(
        id=who.trial_id,
        kind=kind,
        template_id=template.pk,
        texts=texts,
        organization_id=who.organization_id,
        author=who.author,
        most_tokens=who.most_tokens,
        most_usd=who.most_usd,
    )


def _item(trial: Trial, number: int, side: str, source: Sample | Context) -> TrialItem:
    item = TrialItem(id=f"{trial.pk}:{number:03}:{side}", trial=trial, side=side)
    item.organization_id = source.organization_id
    if isinstance(source, Sample):
        item.title = str(source.data.get("title") or "Sample")[:MAX_TITLE_LENGTH]
        return item
    item.context_id, item.title = source.pk, source.title or source.pk
    bill = bill_of(source.step_runs)
    item.expected_tokens, item.expected_usd = bill.tokens, bill.cost_usd
    return item


def _begin(trial: Trial, items: list[TrialItem]) -> tuple[Trial, bool]:
    """Store the items, then the trial, which is the commit point: a crash between leaves items that nobody sees."""
    existing = _known(trial)
    if existing is not None:
        return existing, False
    insert_missing(items)
    try:
        insert([trial])
    except IntegrityError:  # the same click twice, at once
        existing = _known(trial)
        if existing is None:
            raise
        return existing, False
    bell.ring()
    return trial, True


def _known(trial: Trial) -> Trial | None:
    existing = Trial.objects.filter(pk=trial.pk).first()
    if existing is not None and existing.author_id != trial.author_id:
        raise Conflict("This form was used by somebody else; load the page again.")
    return existing


def trial_cancel(trial: Trial) -> None:
    """Stop a trial: what runs is broken off within a moment, what waits is not begun.

    Raises:
        Conflict: it has ended already.
    """
    if not rows.trial_end(trial.pk, TrialState.CANCELLED):
        raise Conflict("This trial has ended already.")


def trial_publish(trial: Trial, *, note: str, author: User) -> TemplateVersion:
    """Publish the draft that was tried; not another one.

    Raises:
        Conflict: the trial still runs, something was decided already, or the draft has changed since.
        InvalidInput: the draft cannot be published.
    """
    draft = _tried_draft(trial)
    version = draft_publish(draft, note=note, author=author)
    _decide(trial, Decision.PUBLISHED)
    return version


def trial_discard(trial: Trial, template: Template) -> None:
    """Throw the draft away that was tried; not another one. Raises as `trial_publish`."""
    draft_discard(template, seen=_tried_draft(trial))
    _decide(trial, Decision.DISCARDED)


def _tried_draft(trial: Trial) -> TemplateVersion:
    if trial.state == TrialState.RUNNING:
        raise Conflict("This trial still runs: wait for its end, or cancel it first.")
    if trial.decision:
        raise Conflict(f"The draft was {trial.decision} already.")
    draft = tried_draft(trial)
    if draft is None:
        raise Conflict(
            "The draft is no longer the one that was tried: somebody changed, published or discarded it since. "
            "Try the new text, or publish it from the template's page."
        )
    return draft


def tried_draft(trial: Trial) -> TemplateVersion | None:
    """Return the draft that was tried, while it still is as it was then."""
    tried, draft = trial.texts.get(DRAFT), draft_of(trial.template_id)
    if tried is None or draft is None:
        return None
    return draft if (draft.pk, draft.structure) == (tried["version_id"], tried["structure"]) else None


def _decide(trial: Trial, decision: Decision) -> None:
    Trial.objects.filter(pk=trial.pk, decision="").update(decision=decision)


def trials_prune() -> None:
    """Remove the trials of two weeks ago: they hold texts about customers' data. Their ids tell their age."""
    before = first_id_at("trial", clock.now() - KEPT)
    TrialItem.objects.filter(pk__lt=before).delete()
    Trial.objects.filter(pk__lt=before).delete()
