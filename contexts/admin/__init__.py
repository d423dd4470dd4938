"""Contexts, batches, workers, providers and the queue in the admin. Importing a module registers its pages."""

from contexts.admin import batches, contexts, providers, queue, workers

__all__ = ["batches", "contexts", "providers", "queue", "workers"]
