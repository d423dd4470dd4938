"""Looks at every store once."""

from config.store.database import database_facts
from config.store.facts import Fact
from config.store.redis import redis_facts


def store_facts() -> list[Fact]:
    """Return what there is to say of all stores. Takes some seconds at most; never raises for one that is away."""
    return [*database_facts(), *redis_facts()]
