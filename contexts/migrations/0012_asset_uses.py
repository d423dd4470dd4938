"""Makes the table of which contexts show which images. Of contexts that completed before, nothing stands in it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contexts", "0011_filter_columns"),
    ]

    operations = [
        migrations.CreateModel(
            name="AssetUse",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        editable=False,
                        max_length=129,
                        primary_key=True,
                        serialize=False,
                        verbose_name="id",
                    ),
                ),
                ("organization_id", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "asset_uses",
                "indexes": [models.Index(fields=["organization_id", "id"], name="asset_uses_organization")],
            },
        ),
    ]
