"""Django's and django-q2's own apps with keys that need no counter: MongoDB has none for an AutoField.

Source: https://www.mongodb.com/docs/languages/python/django-mongodb/current/get-started/
"""

from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.apps import AuthConfig
from django.contrib.contenttypes.apps import ContentTypesConfig
from django_q.apps import DjangoQConfig

from config.mongo.wiring import OBJECT_ID


class MongoAdminConfig(AdminConfig):
    default = False
    default_auto_field = OBJECT_ID


class MongoAuthConfig(AuthConfig):
    default_auto_field = OBJECT_ID


class MongoContentTypesConfig(ContentTypesConfig):
    default_auto_field = OBJECT_ID


class MongoDjangoQConfig(DjangoQConfig):
    default_auto_field = OBJECT_ID
