"""What is stored of webhooks: who wants to be told, and what each was told."""

from django.db import models

from base import clock
from base.fields import IdField
from base.ids import ID_MAX_LENGTH, new_id
from users.models import Organization


def new_endpoint_id() -> str:
    return new_id("whe")


def new_delivery_id() -> str:
    return new_id("whd")


class WebhookEndpoint(models.Model):
    """An address of a client's that wants to be told of ends.

    Field notes:
        secret: signs what is sent; encrypted, see `base.encryption`.
        previous_secret: signs too until ``previous_secret_until``, so that a client may change it in peace.
        failing_since: when the first attempt failed after the last success.
        slot: which of the few places of its organization it has; no two can have the same.
        disabled_reason: why it was switched off, where nobody did it by hand.
    """

    id = IdField(new_endpoint_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    slot = models.PositiveSmallIntegerField(editable=False)
    url = models.CharField(max_length=2000)
    events = models.JSONField(default=list)
    description = models.CharField(max_length=200, blank=True)
    secret = models.TextField(editable=False)
    previous_secret = models.TextField(blank=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        db_table = "webhook_endpoints"
        ordering = ["-id"]
        verbose_name = "webhook"
        indexes = [models.Index(fields=["organization", "id"], name="webhook_endpoints_org")]
        constraints = [models.UniqueConstraint(fields=["organization", "slot"], name="webhook_endpoints_slot")]

    def __str__(self) -> str:
        return self.description or self.url


class DeliveryState(models.TextChoices):
    """How far a delivery is; ``failed`` means that it was given up."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class WebhookDelivery(models.Model):
    """One event for one endpoint. Its id is what the receiver knows the message by, the same for every attempt.

    Field notes:
        tries: attempts since it was made, or since somebody asked for it again.
        attempts: the log, one entry per attempt: ``{at, status, duration_ms, error, answer}``.
        next_attempt_at: when it is due. Who sends it puts it off first, and so holds it until then; none while its
            endpoint is switched off.
    """

    id = IdField(new_delivery_id)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, db_index=False, related_name="deliveries")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    event = models.CharField(max_length=50)
    resource_id = models.CharField(max_length=ID_MAX_LENGTH)
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    tries = models.PositiveIntegerField(default=0)
    attempts = models.JSONField(default=list)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "webhook_deliveries"
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["state", "next_attempt_at", "endpoint"], name="webhook_deliveries_due"),
            models.Index(fields=["endpoint", "id"], name="webhook_deliveries_log"),
            models.Index(fields=["organization", "id"], name="webhook_deliveries_org"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.resource_id}"
