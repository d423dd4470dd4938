"""Every read of trials that people make, and of the contexts that a template was used for."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from contexts.models import Context
from contexts.selectors import contexts_visible, with_status_in_batch
from contexts.states import Status
from contexts.trials.models import Trial, TrialItem
from templates_app.models import Template

# Where no index has all that is asked for, so many of the newest are looked at.
LOOKED_AT = 1_000
REPLAYED_STATUSES = (Status.COMPLETED, Status.FAILED)


def trials_visible(organization_id: str | None) -> QuerySet[Trial]:
    """Return the trials of an organization's staff; None means of everybody."""
    rows = Trial.objects.all()
    return rows if organization_id is None else rows.filter(organization_id=organization_id)


def items_of(trial: Trial) -> list[TrialItem]:
    """Return the runs of a trial, in their order, without what may be large."""
    return items_by_trial([trial.pk]).get(trial.pk, [])


def items_by_trial(trial_ids: Sequence[str]) -> dict[str, list[TrialItem]]:
    """Return the runs of several trials, as `items_of` does."""
    found: dict[str, list[TrialItem]] = defaultdict(list)
    for item in TrialItem.objects.filter(trial_id__in=list(trial_ids)).defer("work").order_by("pk"):
        found[item.trial_id].append(item)
    return dict(found)


def recent_of_type(type: str, organization_id: str | None, *, most: int) -> list[Context]:
    """Return contexts of a type that have ended lately, the newest first, without what may be large."""
    ids = _recent_ids(type, organization_id, REPLAYED_STATUSES)[:most]
    return _read(ids, "step_runs")


def recent_of_template(
    template: Template, organization_id: str | None, *, statuses: Sequence[str] = REPLAYED_STATUSES, most: int
) -> list[Context]:
    """Return contexts that were written by a template lately, the newest first; with their history, without their data.

    Those that are older than the column of templates are not found.
    """
    owner = organization_id or template.organization_id
    rows = contexts_visible(owner)
    rows = rows.filter(template_id=template.pk) if owner is None else rows.filter(type=template.type)
    found = rows.order_by("-pk").only("pk", "status", "template_id")[:LOOKED_AT]
    return _read([row.pk for row in found if row.template_id == template.pk and row.status in statuses][:most])


def _recent_ids(type: str, organization_id: str | None, statuses: Sequence[str]) -> list[str]:
    if organization_id is not None:
        rows = with_status_in_batch(contexts_visible(organization_id).filter(type=type), statuses)
        return list(rows.order_by("-pk").values_list("pk", flat=True)[:LOOKED_AT])
    found = [pair for status in statuses for pair in _recent_of_all(status)]
    return [pk for pk, kind in sorted(found, reverse=True) if kind == type]


def _recent_of_all(status: str) -> Iterable[tuple[str, str]]:
    """Read along the status's index: a filter on the type would go through all rows where there are few of it."""
    rows = contexts_visible(None).filter(status=status).order_by("-pk")
    return rows.values_list("pk", "type")[:LOOKED_AT]


def _read(ids: Sequence[str], *without: str) -> list[Context]:
    rows = Context.objects.filter(pk__in=list(ids)).defer("data", "metadata", "moves", *without)
    return list(rows.order_by("-pk"))
