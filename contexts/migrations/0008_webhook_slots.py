"""Give each webhook a slot of its organization, so that the database itself holds the most that one may have."""

from collections import Counter

from django.db import migrations, models


def number(apps, schema_editor) -> None:
    """Number the webhooks of each organization, the oldest first."""
    endpoints = apps.get_model("contexts", "WebhookEndpoint").objects
    found: Counter[str] = Counter()
    for pk, organization_id in endpoints.order_by("pk").values_list("pk", "organization_id"):
        endpoints.filter(pk=pk).update(slot=found[organization_id])
        found[organization_id] += 1


class Migration(migrations.Migration):
    dependencies = [("contexts", "0007_webhooks")]

    operations = [
        migrations.AddField(
            model_name="webhookendpoint",
            name="slot",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
            preserve_default=False,
        ),
        migrations.RunPython(number, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.UniqueConstraint(fields=("organization", "slot"), name="webhook_endpoints_slot"),
        ),
    ]
