"""A worker's lease is a count that others watch, no longer a time that their clocks must agree on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contexts", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="worker", name="workers_expiry"),
        migrations.RemoveField(model_name="worker", name="expires_at"),
        migrations.AddField(model_name="worker", name="beats", field=models.PositiveBigIntegerField(default=0)),
        migrations.AddIndex(
            model_name="worker",
            index=models.Index(fields=["state", "heartbeat_at"], name="workers_heartbeat"),
        ),
    ]
