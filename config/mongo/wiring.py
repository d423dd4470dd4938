"""How the settings change when DATABASE_URL names a MongoDB.

Some apps from outside number their rows. On MongoDB they get other AppConfigs (config/mongo/apps.py) and migrations
of our own. Each migration does all at once and is named like the newest one of the app itself, because the
project's migrations depend on those names. After an upgrade of Django or django-q2, `makemigrations --check` tells
whether they still say what the models say.
"""

OBJECT_ID = "django_mongodb_backend.fields.ObjectIdAutoField"
ROUTERS = ["django_mongodb_backend.routers.MongoRouter"]
CONFIGS = {
    "django.contrib.admin": "config.mongo.apps.MongoAdminConfig",
    "django.contrib.auth": "config.mongo.apps.MongoAuthConfig",
    "django.contrib.contenttypes": "config.mongo.apps.MongoContentTypesConfig",
    "django_q": "config.mongo.apps.MongoDjangoQConfig",
}
MIGRATION_MODULES = {
    label: f"config.mongo.migrations.{label}" for label in (name.rpartition(".")[2] for name in CONFIGS)
}


def mongo_apps(installed: list[str]) -> list[str]:
    """Return INSTALLED_APPS with the apps that number their rows in their MongoDB form."""
    return [CONFIGS.get(name, name) for name in installed]
