"""Finds every page of the admin, and tells whether an answer lets a person in."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponseBase
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, reverse

from contexts.models import Context
from tests.roles.rows import Rows
from users.access import Role
from users.models import Organization, User

ROLES = {"A": Role.ADMINISTRATOR, "E": Role.EDITOR, "O": Role.OPERATOR, "U": Role.AUDITOR}
EVERYBODYS = ("login", "logout", "password_change", "password_change_done", "jsi18n")
FIXED = {"number": 1}


def logged_in(role: Role, organization: Organization | None = None) -> Client:
    client = Client()
    name = f"{role.value}-{organization.pk}" if organization else role.value
    client.force_login(User.objects.create_user(name, "x", role=role, organization=organization))
    return client


def pages() -> list[str]:
    """Return the names of all pages, but for those about oneself; an address without a name only redirects."""
    return [name for name in dict.fromkeys(_names(admin.site.get_urls())) if name and name not in EVERYBODYS]


def _names(patterns: Any) -> Iterator[str | None]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name
        else:
            yield from _names(pattern.url_patterns)


def model_of(page: str, rows: Rows) -> str:
    """Return which of the models a page is about; empty where it is about none."""
    return next((label for label in rows if page.startswith(f"{label}_")), "")


def address(page: str, rows: Rows) -> str:
    """Return the address of a page, about the row that it is about."""
    label = model_of(page, rows)
    key = quote(rows[label].pk) if label else ""
    template = rows["templates_app_template"].pk
    special: dict[str, dict[str, Any]] = {
        "app_list": {"app_label": "contexts"},
        "view_on_site": {"content_type_id": ContentType.objects.get_for_model(Context).pk, "object_id": "x"},
        "auth_user_password_change": {"id": quote(rows["users_user"].pk)},
    }
    about_it: dict[str, Any] = {"object_id": key}
    for arguments in ({}, about_it, {**about_it, **FIXED}, {"template_id": template}, special.get(page, {})):
        try:
            return reverse(f"admin:{page}", kwargs=arguments)
        except NoReverseMatch:
            continue
    raise AssertionError(f"nobody knows the address of {page}")


def lets_in(answer: HttpResponseBase) -> bool:
    """Tell whether an answer lets a person in: not where it refuses, knows nothing of it, or sends them away."""
    return answer.status_code not in (403, 404, 405) and not _is_sent_away(answer)


def _is_sent_away(answer: HttpResponseBase) -> bool:
    target = answer.headers.get("Location", "").partition("?")[0]
    return answer.status_code == 302 and target in (reverse("admin:index"), reverse("admin:login"))
