"""Count outcomes by hour and day; the index of what is due also has the ends in their order, for whoever counts them."""


from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contexts', '0012_asset_uses'),
        ('users', '0003_keys'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('id', models.CharField(db_column='_id', editable=False, max_length=250, primary_key=True, serialize=False, verbose_name='id')),
                ('span', models.CharField(choices=[('hour', 'Hour'), ('day', 'Day')], max_length=4)),
                ('start', models.DateTimeField()),
                ('organization_id', models.CharField(max_length=64)),
                ('type', models.CharField(max_length=50)),
                ('template_id', models.CharField(blank=True, max_length=64)),
                ('completed', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
                ('cancelled', models.PositiveIntegerField(default=0)),
                ('input_tokens', models.PositiveBigIntegerField(default=0)),
                ('output_tokens', models.PositiveBigIntegerField(default=0)),
                ('cost_usd', models.FloatField(default=0.0)),
                ('unpriced_tokens', models.PositiveBigIntegerField(default=0)),
                ('latencies', models.JSONField(default=dict)),
                ('errors', models.JSONField(default=list)),
                ('counted_until', models.DateTimeField()),
            ],
            options={
                'db_table': 'outcomes',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='OutcomesCounted',
            fields=[
                ('id', models.CharField(db_column='_id', editable=False, max_length=10, primary_key=True, serialize=False, verbose_name='id')),
                ('until', models.DateTimeField()),
            ],
            options={
                'db_table': 'outcomes_counted',
            },
        ),
        migrations.RemoveIndex(
            model_name='context',
            name='contexts_due',
        ),
        migrations.AddIndex(
            model_name='context',
            index=models.Index(fields=['status', 'next_retry_at', 'ended_at'], name='contexts_due'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=models.Index(fields=['span', 'start'], name='outcomes_time'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=models.Index(fields=['organization_id', 'span', 'start'], name='outcomes_organization'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=models.Index(fields=['template_id', 'span', 'start'], name='outcomes_template'),
        ),
    ]
