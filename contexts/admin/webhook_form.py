"""The admin's form for a webhook."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from base.forms import show_problem
from base.problems import Conflict, InvalidInput
from contexts.models import WebhookEndpoint
from contexts.webhooks.endpoints import EndpointWish, check_room, wish_faults
from contexts.webhooks.events import SUBSCRIBABLE, Event

LABELS = {
    Event.CONTEXT_COMPLETED: "a context has its content",
    Event.CONTEXT_FAILED: "a context has failed for good",
    Event.CONTEXT_CANCELLED: "somebody cancelled a context",
    Event.BATCH_FINISHED: "nothing of a batch is open any more",
}


class WebhookForm(forms.ModelForm):
    """Where to send what."""

    url = forms.CharField(
        label="Address", widget=UnfoldAdminTextInputWidget, help_text="Such as https://example.com/hooks/draftline."
    )
    events = forms.MultipleChoiceField(
        choices=[(event.value, f"{event.value}: {LABELS[event]}") for event in SUBSCRIBABLE],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        label="Told when",
    )

    # of whoever fills it in; None for staff of Draftline, who choose one
    own_organization_id: str | None = None

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "events", "description", "organization")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and (faults := wish_faults(self.wish())):
            show_problem(self, InvalidInput(faults))
        if not self.errors and self.instance._state.adding:
            self._check_room()
        return cleaned

    def _check_room(self) -> None:
        try:
            check_room(self.own_organization_id or self.cleaned_data["organization"].pk)
        except Conflict as problem:
            show_problem(self, problem)

    def wish(self) -> EndpointWish:
        """Return what was filled in; whoever may only look has filled in nothing."""
        said = self.cleaned_data
        return EndpointWish(said["url"], said["events"], said["description"])
