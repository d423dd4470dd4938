"""The rows in which workers share a model provider. Blocking code; one conditional UPDATE a change."""

from base import clock
from contexts.engine.limits import Grant, Need, ProviderLimits, ProviderState, settle
from contexts.models import Provider

TRIES = 50


class Contended(Exception):
    """Others changed the row each time before we could."""


def provider_settle(name: str, limits: ProviderLimits, need: Need) -> Grant:
    """Divide a provider between the workers, with what one of them needs. Safe to repeat: each call gives anew.

    Raises:
        Contended: try again a little later.
    """
    for _ in range(TRIES):
        row, _ = Provider.objects.get_or_create(pk=name)
        now = clock.now()
        state, grant = settle(ProviderState.read(row.state), limits, need, now.timestamp())
        changed = Provider.objects.filter(pk=name, revision=row.revision).update(
            state=state.document(), revision=row.revision + 1, updated_at=now
        )
        if changed:
            return grant
    raise Contended(name)
