"""The admin's forms for people and keys."""

from typing import Any

from django import forms
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from base.forms import show_problem
from base.problems import InvalidInput
from users.access import Role, Scope
from users.models import ApiKey, User
from users.services import apikey_faults

SCOPE_LABELS = {
    Scope.CONTEXTS_READ: "read contexts and their content",
    Scope.CONTEXTS_WRITE: "submit, retry and cancel contexts",
    Scope.TEMPLATES_READ: "read templates",
    Scope.TEMPLATES_WRITE: "change and publish templates",
    Scope.MEDIA_READ: "read the media library",
    Scope.MEDIA_WRITE: "upload to the media library",
    Scope.COMPONENTS_READ: "read components and pipelines (comes with any key)",
    Scope.WEBHOOKS_READ: "read webhooks and what they were told",
    Scope.WEBHOOKS_WRITE: "make, change and test webhooks",
}


class UserAddForm(UserCreationForm):
    """A new person. The name is compared in lower case, so it is stored so."""

    usable_password = None  # everybody logs in with a password

    class Meta:
        model = User
        fields = ("username", "name", "email", "role", "organization")

    def clean_username(self) -> str:
        # Django's own asks with iexact, which MongoDB cannot do with an index
        username = str(self.cleaned_data["username"]).lower()
        if User.objects.filter(username=username).exists():
            raise forms.ValidationError("There is a user of that name; choose another.", code="unique")
        return username


class UserEditForm(UserChangeForm):
    """A person; the last administrator stays one."""

    class Meta:
        model = User
        fields = "__all__"

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).lower()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self._was_last_administrator():
            if cleaned.get("role") != Role.ADMINISTRATOR:
                self.add_error("role", "This is the last active administrator; make somebody else one first.")
            if not cleaned.get("is_active"):
                self.add_error("is_active", "This is the last active administrator; nobody could let anybody in again.")
        return cleaned

    def _was_last_administrator(self) -> bool:
        active = set(User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).values_list("pk", flat=True)[:2])
        return active == {self.instance.pk}


class ApiKeyForm(forms.ModelForm):
    """A key's name and rights."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value}: {label}") for scope, label in SCOPE_LABELS.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the app may do with this key.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "organization", "scopes", "rate", "expires_at")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        faults = apikey_faults(
            name=cleaned["name"],
            scopes=cleaned["scopes"],
            rate=cleaned["rate"],
            expires_at=cleaned.get("expires_at") if "expires_at" in self.changed_data else None,
        )
        if faults:
            show_problem(self, InvalidInput(faults))
        return cleaned
