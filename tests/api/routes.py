"""Every address below /api, found where Django finds it, with what docs/api.md promises about it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from base import clock
from base.encryption import encrypt
from contexts.models import Batch, BatchState
from contexts.states import Status
from contexts.webhooks.models import WebhookDelivery, WebhookEndpoint
from media_app.models import Asset
from templates_app.models import Template, TemplateVersion
from tests.api.calls import MINIMAL
from tests.contexts.rows import make_context
from tests.docs.pages import ROOT, section, table_rows
from users.models import Organization

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ANY_KEY, NOBODY_ASKS = "any key", "nobody asks"
_PARAMETER = re.compile(r"\{(\w+)\}")


def _template_of(organization: Organization) -> str:
    """Make a template with a draft and a published version, whose number no other template has."""
    published = 2 * Template.objects.count() + 1
    template = Template.objects.create(
        id=f"tmpl_{organization.pk}", name="Theirs", type="article", organization=organization
    )
    for number, published_at in ((published, clock.now()), (published + 1, None)):
        TemplateVersion.objects.create(
            id=f"{template.pk}.v{number}", template=template, number=number, structure={}, published_at=published_at
        )
    return template.pk


HOOK = {"url": "https://hooks.example.com/draftline"}

# What stands before a parameter -> makes such a row of an organization and returns its id. The second argument
# holds the ids that come before it in the same address.
MAKERS: dict[str, Callable[[Organization, list[str]], str]] = {
    "contexts": lambda organization, above: make_context(organization, Status.FAILED, error={}).pk,
    "batches": lambda organization, above: (
        Batch.objects.create(organization=organization, total=1, state=BatchState.ACCEPTED).pk
    ),
    "templates": lambda organization, above: _template_of(organization),
    "versions": lambda organization, above: str(
        TemplateVersion.objects.get(template=above[0], published_at__isnull=False).number
    ),
    "media": lambda organization, above: (
        Asset.objects.create(organization=organization, title="Theirs", size_bytes=1, width=1, height=1).pk
    ),
    "webhooks": lambda organization, above: (
        WebhookEndpoint.objects.create(organization=organization, slot=19, url=HOOK["url"], secret=encrypt("theirs")).pk
    ),
    "deliveries": lambda organization, above: (
        WebhookDelivery.objects.create(
            organization=organization, endpoint_id=above[0], event="webhook.test", resource_id=above[0], payload={}
        ).pk
    ),
}
# What a request needs to come as far as the look for its id; an empty object where nothing is said.
BODIES: dict[tuple[str, str], Any] = {("POST", "/api/contexts"): MINIMAL, ("POST", "/api/webhooks"): HOOK}


@dataclass(frozen=True)
class Route:
    """One method of one address.

    Args:
        scope: what docs/api.md says that it asks for.
    """

    method: str
    path: str
    scope: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def has_ids(self) -> bool:
        return "{" in self.path

    @property
    def is_open(self) -> bool:
        return self.scope == NOBODY_ASKS

    def needs(self, scope: str) -> bool:
        """Tell whether a key with this one scope may come in."""
        return self.scope in (ANY_KEY, NOBODY_ASKS, "components:read", scope)

    def ids_of(self, organization: Organization) -> list[str]:
        """Make the rows that the address names; return their ids."""
        ids: list[str] = []
        for found in _PARAMETER.finditer(self.path):
            before = self.path[: found.start()].rstrip("/").rpartition("/")[2]
            assert before in MAKERS, f"tests/api/routes.py: say in MAKERS how to make what {self} names"
            ids.append(MAKERS[before](organization, ids))
        return ids

    def at(self, ids: list[str]) -> str:
        """Return the address with these ids."""
        left = iter(ids)
        return _PARAMETER.sub(lambda _: next(left), self.path)

    def call(self, client: Any, ids: list[str], **headers: str) -> Any:
        """Send the request, with a body where the method has one."""
        options: dict[str, Any] = {"headers": headers}
        if self.method != "GET":
            options |= {"data": BODIES.get((self.method, self.path), {}), "content_type": "application/json"}
            if hasattr(client, "default_format"):  # DRF's client names a body's kind in another way
                options = {"headers": headers, "data": options["data"], "format": "json"}
        return getattr(client, self.method.lower())(self.at(ids), **options)


def documented() -> list[Route]:
    """Return the rows of the table in docs/api.md."""
    rows = table_rows(section(ROOT / "docs" / "api.md", "Routes and scopes"))
    return [Route(*(re.sub(r"^`|`$", "", cell) for cell in row[:3])) for row in rows]


def found() -> set[tuple[str, str]]:
    """Return (method, address) of whatever answers below /api."""
    return {
        (method, path)
        for path, entry in patterns(get_resolver().url_patterns)
        if path.startswith("/api/")
        for method in METHODS
        if hasattr(getattr(entry.callback, "view_class", None), method.lower())
    }


def patterns(entries: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Walk through all addresses, as ``/api/contexts/{context_id}``."""
    for entry in entries:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, route)
        else:
            yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route), entry
