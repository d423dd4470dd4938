"""The app that holds the whole together: system checks, and the commands that start it."""

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Tags, register

from config import checks, database_checks
from config.databases import is_mongo
from config.mongo import forking


class WiringConfig(AppConfig):
    name = "config"
    verbose_name = "Draftline"

    def ready(self) -> None:
        register(checks.check_engine)
        register(checks.check_web)
        register(checks.check_production, Tags.security, deploy=True)
        register(database_checks.check_sqlite)
        register(database_checks.check_mongodb, Tags.database)
        if is_mongo(settings.DATABASES["default"]):
            forking.install()
