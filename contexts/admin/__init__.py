"""The admin's pages about work and who is told of it. Importing a module registers its pages."""

from contexts.admin import (
    asset_uses,
    batches,
    bulk,
    contexts,
    deliveries,
    providers,
    queue,
    template_uses,
    trials,
    webhooks,
    workers,
)

__all__ = [
    "asset_uses",
    "batches",
    "bulk",
    "contexts",
    "deliveries",
    "providers",
    "queue",
    "template_uses",
    "trials",
    "webhooks",
    "workers",
]
