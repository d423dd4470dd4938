"""The same work on other systems: procrastinate on PostgreSQL, Celery on Redis. For ``script/bench --peers``.

What runs in their virtual environment (`steps`, `helper`, `procrastinate_app`, `celery_app`) knows no Django. Each has
two worker processes with 64 contexts at once, its defaults otherwise, and Draftline's own three components.
"""
