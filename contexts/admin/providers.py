"""Model providers in the admin: which are left alone for now, and how many calls run."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class ProviderRow:
    """What the workers share of a provider, as pages show it.

    Args:
        until: until when it is left alone; None where it takes calls.
        allowed: how many calls may run at once; fewer than the limit after a 429.
    """

    name: str
    until: datetime | None
    calls: int
    allowed: str
    wanted: int

    @property
    def state(self) -> str:
        return "left alone" if self.until else "open"


def provider_row(provider: Provider) -> ProviderRow:
    """Return what pages show of a provider."""
    state = ProviderState.read(provider.state)
    until = datetime.fromtimestamp(state.cool_until, UTC)
    shares = state.shares.values()
    limits = provider_limits().get(provider.pk)
    most = limits.concurrent if limits else "no limit"
    return ProviderRow(
        name=provider.pk,
        until=until if until > clock.now() else None,
        calls=sum(share.held for share in shares),
        allowed=f"{most}" if state.allowed is None else f"{int(state.allowed)} of {most}",
        wanted=sum(share.wanted for share in shares),
    )


@admin.register(Provider)
class ProviderAdmin(InstallationAdmin):
    """What the workers share of each provider; a provider appears here with its first call."""

    list_display = ("id", "state_shown", "until_shown", "calls_shown", "allowed_shown", "wanted_shown")

    @display(description="State", label=STATE_COLOURS)
    def state_shown(self, provider: Provider) -> str:
        return provider_row(provider).state

    @display(description="Until")
    def until_shown(self, provider: Provider) -> str:
        return moment_text(provider_row(provider).until)

    @display(description="Calls at once")
    def calls_shown(self, provider: Provider) -> int:
        return provider_row(provider).calls

    @display(description="Allowed")
    def allowed_shown(self, provider: Provider) -> str:
        return provider_row(provider).allowed

    @display(description="Wanted")
    def wanted_shown(self, provider: Provider) -> int:
        return provider_row(provider).wanted
