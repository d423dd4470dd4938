"""Who may do what: the roles of people, the scopes of keys. Pure tables; nothing is stored here."""

from enum import StrEnum

from django.db import models


class Role(models.TextChoices):
    """What a person is to Draftline."""

    ADMINISTRATOR = "administrator", "Administrator"
    EDITOR = "editor", "Editor"
    OPERATOR = "operator", "Operator"
    AUDITOR = "auditor", "Auditor"
    CLIENT = "client", "Client"


class Scope(StrEnum):
    """What a key may do. ``components:read`` comes with any key."""

    CONTEXTS_READ = "contexts:read"
    CONTEXTS_WRITE = "contexts:write"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    MEDIA_READ = "media:read"
    MEDIA_WRITE = "media:write"
    COMPONENTS_READ = "components:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"


_EDITED = ("templates_app", "components", "media_app")
_READ_ONLY_VERBS = ("view",)
_ALL_VERBS = ("view", "add", "change", "delete")

# app label -> verbs of Django's permissions ("contexts.change_context": retry and cancel)
_ROLE_TABLE: dict[Role, dict[str, tuple[str, ...]]] = {
    Role.EDITOR: {**dict.fromkeys(_EDITED, _ALL_VERBS), "contexts": _READ_ONLY_VERBS},
    Role.OPERATOR: {"contexts": ("view", "change"), **dict.fromkeys(_EDITED, _READ_ONLY_VERBS)},
    Role.AUDITOR: {**dict.fromkeys((*_EDITED, "contexts", "users"), _READ_ONLY_VERBS)},
    Role.CLIENT: {},
}

_READ_SCOPES = frozenset(scope for scope in Scope if scope.endswith(":read"))
_ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.ADMINISTRATOR: frozenset(Scope),
    Role.EDITOR: _READ_SCOPES | {Scope.TEMPLATES_WRITE, Scope.MEDIA_WRITE},
    Role.OPERATOR: _READ_SCOPES | {Scope.CONTEXTS_WRITE, Scope.WEBHOOKS_WRITE},
    Role.AUDITOR: _READ_SCOPES,
    Role.CLIENT: frozenset({Scope.COMPONENTS_READ}),
}


def role_has_permission(role: str, permission: str) -> bool:
    """Tell whether a role has Django's permission ``app_label.verb_model``."""
    if role == Role.ADMINISTRATOR:
        return True
    app_label, _, codename = permission.partition(".")
    verb = codename.partition("_")[0]
    return verb in _ROLE_TABLE[Role(role)].get(app_label, ())


def role_has_app(role: str, app_label: str) -> bool:
    """Tell whether a role may see anything of an app."""
    return role == Role.ADMINISTRATOR or app_label in _ROLE_TABLE[Role(role)]


def role_scopes(role: str) -> frozenset[Scope]:
    """Return what a person of this role may do through the API with the admin's session."""
    return _ROLE_SCOPES[Role(role)]
