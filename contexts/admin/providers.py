"""Model providers in the admin: which are left alone for now, and how many calls run."""

from datetime import UTC, datetime

from django.contrib import admin
from unfold.decorators import display

from base import clock
from contexts.admin.access import InstallationAdmin
from contexts.admin.texts import moment_text
from contexts.engine.limits import ProviderState
from contexts.engine.run import provider_limits
from contexts.models import Provider

STATE_COLOURS = {"open": "success", "left alone": "warning"}


@admin.register(Provider)
class ProviderAdmin(InstallationAdmin):
    """What the workers share of each provider; a provider appears here with its first call."""

    list_display = ("id", "state_shown", "until_shown", "calls_shown", "allowed_shown", "wanted_shown")

    @display(description="State", label=STATE_COLOURS)
    def state_shown(self, provider: Provider) -> str:
        return "left alone" if _cool_until(provider) else "open"

    @display(description="Until")
    def until_shown(self, provider: Provider) -> str:
        until = _cool_until(provider)
        return moment_text(until) if until else ""

    @display(description="Calls at once")
    def calls_shown(self, provider: Provider) -> int:
        return sum(share.held for share in ProviderState.read(provider.state).shares.values())

    @display(description="Allowed")
    def allowed_shown(self, provider: Provider) -> str:
        """Fewer than the limit after a 429."""
        allowed = ProviderState.read(provider.state).allowed
        limits = provider_limits().get(provider.pk)
        most = limits.concurrent if limits else "no limit"
        return f"{most}" if allowed is None else f"{int(allowed)} of {most}"

    @display(description="Wanted")
    def wanted_shown(self, provider: Provider) -> int:
        return sum(share.wanted for share in ProviderState.read(provider.state).shares.values())


def _cool_until(provider: Provider) -> datetime | None:
    """Return until when a provider is left alone; None where it takes calls."""
    until = datetime.fromtimestamp(ProviderState.read(provider.state).cool_until, UTC)
    return until if until > clock.now() else None
