"""Take in the idempotency keys, which every app uses by now: the table stays, and staff may have keys of no organization."""

import base.clock
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial"), ("contexts", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="IdempotencyKey",
                    fields=[
                        (
                            "id",
                            models.CharField(
                                db_column="_id",
                                editable=False,
                                max_length=64,
                                primary_key=True,
                                serialize=False,
                                verbose_name="id",
                            ),
                        ),
                        ("body_hash", models.CharField(max_length=64)),
                        ("resource_id", models.CharField(max_length=64)),
                        ("created_at", models.DateTimeField(default=base.clock.now)),
                        (
                            "organization",
                            models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="users.organization"),
                        ),
                    ],
                    options={
                        "db_table": "idempotency_keys",
                        "indexes": [models.Index(fields=["created_at"], name="idempotency_created")],
                    },
                ),
            ],
        ),
        migrations.AlterField(
            model_name="idempotencykey",
            name="organization",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, to="users.organization"
            ),
        ),
    ]
