"""What is stored of contexts: fields and indexes; how they move stands in services.py and engine/."""

from django.conf import settings
from django.db import models

from base import clock
from base.fields import IdField
from base.ids import ID_MAX_LENGTH, new_id
from contexts.bulk.models import BulkOperation
from contexts.failure import MAX_COMPONENT_LENGTH, MAX_TYPE_LENGTH
from contexts.outcomes.models import Outcome, OutcomesCounted
from contexts.states import Status
from contexts.trials.models import Trial, TrialItem
from contexts.uses.models import AssetUse
from contexts.webhooks.models import WebhookDelivery, WebhookEndpoint
from users.models import Organization

# Django finds the models of an app in this module.
__all__ = [
    "AssetUse",
    "Batch",
    "BatchState",
    "BulkOperation",
    "Context",
    "Outcome",
    "OutcomesCounted",
    "Provider",
    "StepTranscript",
    "Trial",
    "TrialItem",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
    "WorkerState",
]


def new_context_id() -> str:
    return new_id("ctx")


def new_batch_id() -> str:
    return new_id("batch")


def new_worker_id() -> str:
    return new_id("wrk")


class BatchState(models.TextChoices):
    """What was decided about a batch; how far it is follows from its contexts."""

    ACCEPTING = "accepting", "Accepting"
    ACCEPTED = "accepted", "Accepted"
    CANCELLED = "cancelled", "Cancelled"
    ABANDONED = "abandoned", "Abandoned before it was accepted"


class Batch(models.Model):
    """Contexts that were submitted together. Becoming ``accepted`` is the commit point of a bulk submission."""

    id = IdField(new_batch_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=20, choices=BatchState.choices, default=BatchState.ACCEPTING)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "batches"
        ordering = ["-id"]
        verbose_name_plural = "batches"
        indexes = [
            models.Index(fields=["organization", "id"], name="batches_organization"),
            models.Index(fields=["state", "created_at"], name="batches_state"),
        ]

    def __str__(self) -> str:
        return self.name or self.pk


class Context(models.Model):
    """One job and its data. The row is the only truth about it; queue messages are hints.

    A lease is (``lease_token``, the worker row of that id, while it is live). ``attempts`` fences: a write of an
    older attempt matches nothing.

    Field notes:
        pipeline: the steps as submitted.
        data: the client's input and what each component added.
        processing: ``{current_component, completed_components, start_time, end_time, duration_ms,
            component_timings}``; the first checkpoint writes it, until then ``started_at`` stands for it.
        step_runs: the history, one entry per step run, appended by the same update as the checkpoint.
        template_id: the template that was chosen; empty before the choice, and where the row is older than the column.
        error_type, error_component: what lists filter by of ``error``, see `contexts.failure`.
        moves: the log of moves, see `contexts.move_log`; empty where the row is older than the log.
        claim_order: what is claimed first: milliseconds of the submission, moved by priority and by the
            organization's backlog.
        waiting_for: why it waits, where the engine knows better than the status says.
        revision: +1 for every visible change.
        announce: that it has ended and nobody was told yet; only where its organization has a webhook.
    """

    id = IdField(new_context_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, db_index=False)
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="contexts"
    )
    type = models.CharField(max_length=50)
    title = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=20, choices=[(s.value, s.value) for s in Status], default=Status.PENDING)
    pipeline = models.JSONField()
    pipeline_id = models.CharField(max_length=ID_MAX_LENGTH, blank=True)
    # null, not "": else the migration would write every row anew
    template_id = models.CharField(max_length=ID_MAX_LENGTH, null=True, blank=True)  # noqa: DJ001
    data = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    processing = models.JSONField(default=dict)
    step_runs = models.JSONField(default=list)
    moves = models.JSONField(default=list)
    error = models.JSONField(null=True, blank=True)
    error_type = models.CharField(max_length=MAX_TYPE_LENGTH, null=True, blank=True)  # noqa: DJ001
    error_component = models.CharField(max_length=MAX_COMPONENT_LENGTH, null=True, blank=True)  # noqa: DJ001
    priority = models.PositiveSmallIntegerField(default=50)
    claim_order = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    retry_count = models.PositiveIntegerField(default=0)
    worker_losses = models.PositiveIntegerField(default=0)
    next_retry_at = models.DateTimeField(null=True, blank=True)
    waiting_for = models.CharField(max_length=300, blank=True)
    lease_token = models.CharField(max_length=ID_MAX_LENGTH, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1)
    announce = models.BooleanField(null=True, editable=False)  # null: else the migration would write every row anew
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    # The foreign keys need no index of their own: each leads one of the indexes below. No index has a column that a
    # checkpoint writes; each with the status is written anew by a claim and by an end. tests/contexts/test_plans.py
    # has the queries that they are for.
    class Meta:
        db_table = "contexts"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "claim_order"], name="contexts_claim"),
            # what has ended is never due: there its ends stand in their order, at no cost but the width
            models.Index(fields=["status", "next_retry_at", "ended_at"], name="contexts_due"),
            models.Index(fields=["lease_token", "status"], name="contexts_lease"),
            models.Index(fields=["organization", "id"], name="contexts_organization"),
            models.Index(fields=["organization", "status", "id"], name="contexts_org_status"),
            models.Index(fields=["organization", "type", "id"], name="contexts_org_type"),
            models.Index(fields=["status", "id"], name="contexts_status"),
            models.Index(fields=["batch", "id"], name="contexts_batch_list"),
            models.Index(fields=["batch", "status", "ended_at"], name="contexts_progress"),
            models.Index(fields=["user"], name="contexts_by_user"),
            models.Index(fields=["announce", "id"], name="contexts_announce", condition=models.Q(announce=True)),
            models.Index(fields=["template_id", "id"], name="contexts_template"),
            models.Index(fields=["pipeline_id", "id"], name="contexts_pipeline"),
            # the component comes last: so the errors of a type are in the order of lists, whatever failed
            models.Index(
                fields=["status", "error_type", "id", "error_component"],
                name="contexts_errors",
                condition=models.Q(status=Status.FAILED.value),
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.pk


class StepTranscript(models.Model):
    """The full prompt and output of one step run, id ``context:attempt:step``; written before its checkpoint."""

    id = models.CharField("id", primary_key=True, max_length=200, db_column="_id", editable=False)
    context_id = models.CharField(max_length=ID_MAX_LENGTH, db_index=True)
    prompt = models.TextField(blank=True)
    output = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "step_transcripts"

    def __str__(self) -> str:
        return self.pk


class WorkerState(models.TextChoices):
    LIVE = "live", "Live"
    STOPPED = "stopped", "Stopped"
    DEAD = "dead", "Dead, its contexts are being freed"
    BURIED = "buried", "Dead"


class Worker(models.Model):
    """One drain: a process that runs contexts. Its id is the token of every lease that it holds.

    Field notes:
        process_space: the boot and the process namespace in which ``pid`` means something.
        beats: how many heartbeats there were. Who watches it by a clock of his own sees whether the worker lives.
        heartbeat_at: when the last one was, by the worker's clock; for people, and as a hint.
    """

    id = IdField(new_worker_id)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    process_space = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=10, choices=WorkerState.choices, default=WorkerState.LIVE)
    in_flight = models.PositiveIntegerField(default=0)
    version = models.CharField(max_length=50, blank=True)
    started_at = models.DateTimeField(default=clock.now)
    heartbeat_at = models.DateTimeField(default=clock.now)
    beats = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "workers"
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="workers_heartbeat")]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class Provider(models.Model):
    """What all workers share of one model provider; ``state`` is `contexts.engine.limits.ProviderState`.

    ``revision`` fences: whoever changes the state names the revision that it has read.
    """

    id = models.CharField("id", primary_key=True, max_length=50, db_column="_id", editable=False)
    state = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "providers"
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.pk
