"""What is stored of a wish for many contexts: what was wished, how far it is, and what came of it."""

from django.conf import settings
from django.db import models

from base import clock
from base.fields import IdField
from base.ids import ID_MAX_LENGTH, new_id
from users.models import Organization


def new_operation_id() -> str:
    return new_id("bulk")


class BulkAction(models.TextChoices):
    """What is to be done with each context."""

    RETRY = "retry", "Retry"
    CANCEL = "cancel", "Cancel"


class BulkState(models.TextChoices):
    """How far an operation is.

    ``trying`` moves the first few, ``watching`` waits for what becomes of them, ``asking`` waits for a person.
    """

    TRYING = "trying", "Trying the first"
    WATCHING = "watching", "Watching the first"
    ASKING = "asking", "Waits for your word"
    RUNNING = "running", "Running"
    STOPPED = "stopped", "Stopped"
    DONE = "done", "Done"


AT_WORK = (BulkState.TRYING, BulkState.WATCHING, BulkState.RUNNING)
UNFINISHED = (*AT_WORK, BulkState.ASKING)


class BulkOperation(models.Model):
    """One wish for all contexts that match a filter. The contexts themselves say that it has been there: `moves`.

    Field notes:
        organization: whose staff wished for it; none where staff of Draftline did.
        selection: which contexts, see `contexts.bulk.selection`.
        expected: how many there were at first, counted no further than a bound.
        until: the last of the contexts that were there; what is submitted later is not touched.
        cursor: the last that was looked at. Whoever writes what came of a chunk names the cursor that it read.
        trial: how many are tried first; 0 for none. ``trial_ids`` are those that were.
        asks: whether a person is asked after the trial; else it goes on unless too many fail.
        most_failed_percent: more of the trial than that stop it.
        reasons: why contexts were left as they are, and how many for each reason.
        examples: the first of those, ``{id, reason}``.
    """

    id = IdField(new_operation_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, db_index=False)
    user_name = models.CharField(max_length=200, blank=True)
    why = models.CharField(max_length=500, blank=True)
    action = models.CharField(max_length=10, choices=BulkAction.choices)
    from_step = models.CharField(max_length=ID_MAX_LENGTH * 2, blank=True)
    selection = models.JSONField(default=dict)
    expected = models.PositiveIntegerField(default=0)
    until = models.CharField(max_length=ID_MAX_LENGTH, blank=True)
    state = models.CharField(max_length=10, choices=BulkState.choices, default=BulkState.RUNNING)
    trial = models.PositiveIntegerField(default=0)
    trial_ids = models.JSONField(default=list)
    asks = models.BooleanField(default=True)
    most_failed_percent = models.PositiveSmallIntegerField(default=100)
    cursor = models.CharField(max_length=ID_MAX_LENGTH, blank=True)
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=dict)
    examples = models.JSONField(default=list)
    stopped_because = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "bulk_operations"
        ordering = ["-id"]
        verbose_name = "operation on many"
        verbose_name_plural = "operations on many"
        indexes = [
            models.Index(fields=["state", "id"], name="bulk_operations_state"),
            models.Index(fields=["organization", "id"], name="bulk_operations_org"),
            models.Index(fields=["user"], name="bulk_operations_user"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} many"
