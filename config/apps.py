"""The app that holds the whole together: system checks, and the commands that start it."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from config import checks


class WiringConfig(AppConfig):
    name = "config"
    verbose_name = "Draftline"

    def ready(self) -> None:
        register(checks.check_engine)
        register(checks.check_web)
        register(checks.check_production, Tags.security, deploy=True)
