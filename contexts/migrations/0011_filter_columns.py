"""Make columns of what lists filter by: the type of an error, the step that failed, the template that was used.

Failed contexts of before get theirs of the error. What template they used stays empty: it stands only in histories, and
to read a million of them would keep an upgrade waiting.
"""

from collections import defaultdict

from django.db import migrations, models

AT_ONCE = 500


def fill(apps, schema_editor) -> None:
    """Copy from the errors, along the ids: whatever is repeated writes the same again."""
    failed = apps.get_model("contexts", "Context").objects.filter(status="failed")
    after = ""
    while rows := list(failed.filter(pk__gt=after).order_by("pk").values_list("pk", "error")[:AT_ONCE]):
        alike: dict[tuple[str, str], list[str]] = defaultdict(list)
        for pk, error in rows:
            if isinstance(error, dict):
                kind, component = (str(error.get(key, "")) for key in ("type", "component"))
                alike[kind[:100], component[:128]].append(pk)
        for (kind, component), ids in alike.items():
            failed.filter(pk__in=ids).update(error_type=kind, error_component=component)
        after = rows[-1][0]


class Migration(migrations.Migration):
    dependencies = [("contexts", "0010_bulk_operations")]

    operations = [
        migrations.AddField(
            model_name="context",
            name="template_id",
            field=models.CharField(blank=True, max_length=64, null=True),
        ),
        migrations.AddField(
            model_name="context",
            name="error_type",
            field=models.CharField(blank=True, max_length=100, null=True),
        ),
        migrations.AddField(
            model_name="context",
            name="error_component",
            field=models.CharField(blank=True, max_length=128, null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            model_name="context",
            index=models.Index(fields=["template_id", "id"], name="contexts_template"),
        ),
        migrations.AddIndex(
            model_name="context",
            index=models.Index(
                fields=["status", "error_type", "id", "error_component"],
                name="contexts_errors",
                condition=models.Q(("status", "failed")),
            ),
        ),
    ]
