"""What is stored of outcomes: a row for each hour and each day of each organization, type and template."""

from django.db import models

from base.ids import ID_MAX_LENGTH


class Span(models.TextChoices):
    """What time a row is about. A day is no more than the sum of its hours, for pages that show weeks."""

    HOUR = "hour", "Hour"
    DAY = "day", "Day"


class Outcome(models.Model):
    """What came of the contexts that ended in an hour or a day (UTC), by whose, of what type and by what template.

    Field notes:
        id: made from all that a row is about, see `contexts.outcomes.tally`.
        template_id: empty where no template was chosen, and for contexts that are older than that column.
        unpriced_tokens: those of calls whose price is not known; ``cost_usd`` is that of the others.
        latencies: ``{bucket: number}`` of the completed, see `contexts.outcomes.histogram`.
        errors: ``[[component, type, number], ...]`` of the failed.
        counted_until: all that ended by then is in it. Whoever adds to it names the time that it has read.
    """

    id = models.CharField("id", primary_key=True, max_length=250, db_column="_id", editable=False)
    span = models.CharField(max_length=4, choices=Span.choices)
    start = models.DateTimeField()
    organization_id = models.CharField(max_length=ID_MAX_LENGTH)
    type = models.CharField(max_length=50)
    template_id = models.CharField(max_length=ID_MAX_LENGTH, blank=True)
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cost_usd = models.FloatField(default=0.0)
    unpriced_tokens = models.PositiveBigIntegerField(default=0)
    latencies = models.JSONField(default=dict)
    errors = models.JSONField(default=list)
    counted_until = models.DateTimeField()

    class Meta:
        db_table = "outcomes"
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["span", "start"], name="outcomes_time"),
            models.Index(fields=["organization_id", "span", "start"], name="outcomes_organization"),
            models.Index(fields=["template_id", "span", "start"], name="outcomes_template"),
        ]

    def __str__(self) -> str:
        return self.pk


class OutcomesCounted(models.Model):
    """Up to when all outcomes are counted: one row."""

    id = models.CharField("id", primary_key=True, max_length=10, db_column="_id", editable=False)
    until = models.DateTimeField()

    class Meta:
        db_table = "outcomes_counted"

    def __str__(self) -> str:
        return str(self.until)
