"""What is stored of trials. Nothing of it is a customer's context, and after two weeks it goes."""

from django.conf import settings
from django.db import models

from base import clock
from base.fields import IdField
from base.ids import ID_MAX_LENGTH, new_id
from components.prices import Bill
from users.models import Organization


def new_trial_id() -> str:
    return new_id("trial")


class TrialKind(models.TextChoices):
    """``test``: draft and live side by side. ``replay``: the draft beside what contexts became in earnest."""

    TEST = "test", "Test-run"
    REPLAY = "replay", "Replay"


class TrialState(models.TextChoices):
    """How far a trial is; ``stopped`` means that its budget was used up."""

    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    STOPPED = "stopped", "Stopped by its budget"
    CANCELLED = "cancelled", "Cancelled"


class Decision(models.TextChoices):
    """What came of the draft after its trial."""

    PUBLISHED = "published", "Published"
    DISCARDED = "discarded", "Discarded"


class Trial(models.Model):
    """One trial of a template.

    Field notes:
        texts: what is run, as it was when the trial began: ``{side: {version, structure}}``, side draft or live.
        organization: whose staff may see it; none for staff of Draftline, who may try contexts of all.
        sample: ``{type, pipeline, data, metadata}``, where the input is no context's.
        most_tokens, most_usd: the budget; no run begins that would go beyond it.
        reason: why it was stopped, in plain words.
    """

    id = IdField(new_trial_id)
    kind = models.CharField(max_length=10, choices=TrialKind.choices)
    template_id = models.CharField(max_length=ID_MAX_LENGTH)
    texts = models.JSONField()
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, blank=True, db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, db_index=False)
    sample = models.JSONField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=TrialState.choices, default=TrialState.RUNNING)
    reason = models.CharField(max_length=300, blank=True)
    most_tokens = models.PositiveIntegerField()
    most_usd = models.FloatField(null=True, blank=True)
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "trials"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "id"], name="trials_state"),
            models.Index(fields=["template_id", "id"], name="trials_template"),
            models.Index(fields=["organization", "id"], name="trials_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.template_id}"


class ItemState(models.TextChoices):
    """How far one run of a trial is. ``waiting`` may also mean: until a provider answers again."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Not run"


OPEN_ITEMS = (ItemState.WAITING, ItemState.RUNNING)
DRAFT, LIVE = "draft", "live"


class TrialItem(models.Model):
    """One run of a trial: one input with one of the texts. Its id is ``{trial}:{number}:{side}``.

    A lease is (``lease_token``, until ``lease_until``); every write of who runs it names the token.

    Field notes:
        trial: no constraint in the database, for the items are stored first: the trial's row is the commit point.
        organization_id: whose data it is.
        context_id: where the input comes from; empty for a sample.
        losses: how often a worker died, or lost its lease, while it ran this.
        work: ``{data, processing, step_runs}`` as a context has them; written after each step.
        expected_tokens, expected_usd: what the context's own run used, as a guess of what this one will.
        input_tokens, ...: the bill of all its step runs so far.
    """

    id = IdField()
    trial = models.ForeignKey(
        Trial, on_delete=models.CASCADE, db_index=False, db_constraint=False, related_name="items"
    )
    side = models.CharField(max_length=10)
    organization_id = models.CharField(max_length=ID_MAX_LENGTH, blank=True)
    context_id = models.CharField(max_length=ID_MAX_LENGTH, blank=True)
    title = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=ItemState.choices, default=ItemState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    retry_count = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    lease_token = models.CharField(max_length=ID_MAX_LENGTH, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    waiting_for = models.CharField(max_length=300, blank=True)
    work = models.JSONField(default=dict)
    error = models.JSONField(null=True, blank=True)
    expected_tokens = models.PositiveIntegerField(default=0)
    expected_usd = models.FloatField(default=0.0)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost_usd = models.FloatField(default=0.0)
    unpriced_tokens = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "trial_items"
        ordering = ["id"]
        indexes = [models.Index(fields=["trial", "id"], name="trial_items_trial")]

    def __str__(self) -> str:
        return self.title or self.pk

    @property
    def bill(self) -> Bill:
        return Bill(self.input_tokens, self.output_tokens, self.cost_usd, self.unpriced_tokens)
