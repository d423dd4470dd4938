"""Keeps a save from an old page from overwriting what somebody else saved since."""

from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime

TOLD = (
    "Somebody else saved this since you opened the page. Copy your changes, load the page again and repeat them there."
)


class SeenForm(forms.ModelForm):
    """A form that knows which state of its row the page showed."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_new = self.instance._state.adding
        self.initial["seen"] = "" if self.is_new else self.instance.updated_at.isoformat()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # a page without the mark (a script) takes the risk; one with an old mark does not
        seen = parse_datetime(self.data.get("seen", "")) if self.data.get("seen") else None
        if seen is not None and not self.is_new and seen != self.instance.updated_at:
            self.add_error(None, TOLD)
        return cleaned
