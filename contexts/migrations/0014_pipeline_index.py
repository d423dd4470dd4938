"""Makes the index that lists the contexts of a pipeline: without it a rare one is looked for among all contexts."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contexts', '0013_outcomes'),
        ('users', '0003_keys'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='context',
            index=models.Index(fields=['pipeline_id', 'id'], name='contexts_pipeline'),
        ),
    ]
