"""Contexts, batches, workers and the queue in the admin. Importing a module registers its pages."""

from contexts.admin import batches, contexts, queue, workers

__all__ = ["batches", "contexts", "queue", "workers"]
