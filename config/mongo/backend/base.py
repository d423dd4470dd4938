"""The database wrapper that DATABASES names: MongoDB's own, with compilers of ours for what is read."""

from django_mongodb_backend.base import DatabaseWrapper as MongoWrapper
from django_mongodb_backend.operations import DatabaseOperations


class Operations(DatabaseOperations):
    compiler_module = "config.mongo.backend.compiler"


class DatabaseWrapper(MongoWrapper):
    ops_class = Operations
