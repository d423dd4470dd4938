"""Leave the idempotency keys to `users`: the model goes, the table stays."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("contexts", "0005_moves"), ("users", "0002_idempotency_keys")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="IdempotencyKey")]),
    ]
