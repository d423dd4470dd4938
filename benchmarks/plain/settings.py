"""Draftline's settings with django-q2 as one finds it."""

from config import settings as draftline
from config.settings import *  # noqa: F403

Q_CLUSTER = {
    "name": "plain",
    "workers": draftline.WORKERS,
    "timeout": 60,
    "retry": 120,
    "orm": "default",
    "ALT_CLUSTERS": draftline.Q_CLUSTER["ALT_CLUSTERS"],  # nobody starts them here; the system checks read them
}
