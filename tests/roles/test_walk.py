"""Each role sees and does exactly what the tables in `expected` say; what is refused changes nothing."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from django_q.conf import Conf

from tests.roles.expected import ACTIONS, BUTTONS, PAGES
from tests.roles.rows import Rows, everything, installation_rows, owned_rows
from tests.roles.walk import ROLES, address, lets_in, logged_in, model_of, pages
from users.access import Role
from users.models import Organization, User

pytestmark = pytest.mark.django_db
# A form that would do something, wherever it is sent to: who is refused must be refused whatever is sent.
SENT = {"post": "yes", "_save": "1", "why": "x", "note": "x", "from": "failed", "title": "Changed", "name": "Changed"}
READ = "="


def table(text: str) -> dict[str, list[str]]:
    """Return a table's lines: ``{words before the last columns: columns}``."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}


def pairs(text: str) -> dict[tuple[str, str], str]:
    found = (line.split() for line in text.splitlines() if line)
    return {(model, name): roles for model, name, roles in found}


@pytest.fixture
def rows(organization: Organization) -> Rows:
    return owned_rows(organization) | installation_rows()


def shown_pages() -> dict[str, list[str]]:
    """Return the table without what this installation has no page of: with Redis the queue's messages are no rows."""
    return {page: columns for page, columns in table(PAGES).items() if Conf.ORM or "_ormq_" not in page}


def test_every_page_has_an_expectation():
    assert sorted(pages()) == sorted(shown_pages())


@pytest.mark.parametrize("letter", ROLES)
def test_a_role_opens_what_the_table_says_and_looking_leaves_no_trace(rows, letter):
    client = logged_in(ROLES[letter])
    before = everything()
    opened = {page: lets_in(client.get(address(page, rows))) for page in pages()}
    assert opened == {page: letter in columns[0] for page, columns in shown_pages().items()}
    assert everything() == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("letter", ROLES)
def test_what_a_role_may_not_send_is_refused_and_changes_nothing(rows, letter):
    client = logged_in(ROLES[letter])
    refused = [page for page, (_, senders) in shown_pages().items() if letter not in senders and senders != READ]
    before = everything()
    let_in = [page for page in refused if lets_in(client.post(address(page, rows), SENT))]
    assert let_in == []
    for page, (_, senders) in shown_pages().items():
        if senders == READ:
            client.post(address(page, rows), SENT)
    assert everything() == before


@pytest.mark.parametrize("letter", ROLES)
def test_what_a_role_may_send_is_taken_or_answered_with_what_is_wrong(rows, letter):
    client = logged_in(ROLES[letter])
    allowed = [page for page, (_, senders) in shown_pages().items() if letter in senders]
    assert [page for page in allowed if not lets_in(client.post(address(page, rows), {}))] == []


# --- actions --------------------------------------------------------------------------------------------------
def registered() -> dict[str, ModelAdmin]:
    found = admin.site._registry.items()
    return {f"{model._meta.app_label}_{model._meta.model_name}": model_admin for model, model_admin in found}


def request_of(role: Role, organization: Organization | None = None) -> HttpRequest:
    request = RequestFactory().get("/")
    name = f"x-{role.value}"
    request.user = User.objects.create_user(name, "x", role=role, organization=organization)
    return request


@pytest.mark.parametrize("letter", ROLES)
def test_a_role_is_offered_the_actions_that_the_table_says(letter):
    request = request_of(ROLES[letter])
    offered = {
        (label, name)
        for label, model_admin in registered().items()
        if model_admin.has_view_permission(request)
        for name in model_admin.get_actions(request)
    }
    assert offered == {key for key, roles in pairs(ACTIONS).items() if letter in roles}


def test_every_button_of_a_page_has_an_expectation():
    found = {(label, name) for label, page in registered().items() for name in getattr(page, "actions_submit_line", ())}
    assert found == set(pairs(BUTTONS))


@pytest.mark.parametrize("letter", ROLES)
def test_actions_and_buttons_that_are_not_offered_change_nothing_when_sent_all_the_same(rows, letter):
    client = logged_in(ROLES[letter])
    before = everything()
    for (label, name), roles in pairs(ACTIONS).items():
        if letter not in roles:
            sent = {"action": name, ACTION_CHECKBOX_NAME: [rows[label].pk], **SENT}
            client.post(address(f"{label}_changelist", rows), sent)
    for (label, name), roles in pairs(BUTTONS).items():
        if letter not in roles:
            assert not lets_in(client.post(address(f"{label}_change", rows), {f"{label}_{name}": "1", **SENT}))
    assert everything() == before


# --- another organization's -----------------------------------------------------------------------------------
@pytest.fixture
def theirs(db) -> Rows:
    return owned_rows(Organization.objects.create(id="org_zebra", name="Zebra"))


@pytest.mark.parametrize("letter", "AO")
def test_staff_of_one_organization_never_see_or_move_anothers(organization, rows, theirs, letter):
    client = logged_in(ROLES[letter], organization)
    before = everything()
    about_them = [page for page in pages() if model_of(page, theirs) and address(page, theirs) != address(page, rows)]
    assert len(about_them) > 50
    for page in about_them:
        assert not lets_in(client.get(address(page, theirs))), page
        assert not lets_in(client.post(address(page, theirs), SENT)), page
    for label, name in pairs(ACTIONS):
        if label in theirs:
            sent = {"action": name, ACTION_CHECKBOX_NAME: [theirs[label].pk], **SENT}
            client.post(address(f"{label}_changelist", rows), sent)
    assert everything() == before


def test_no_page_of_ones_own_names_another_organization(organization, rows, theirs):
    client = logged_in(Role.ADMINISTRATOR, organization)  # who sees the most
    names = [theirs["users_organization"].pk, "Zebra", *(row.pk for row in theirs.values())]
    searches = [f"{reverse('admin:search')}?s={word}" for word in ("Zebra", "Context")]
    for place in [address(page, rows) for page in pages()] + searches:
        page = client.get(place).content.decode()
        assert [name for name in names if name in page] == [], place


def test_who_is_no_staff_enters_nowhere(rows):
    for client in (logged_in(Role.CLIENT), Client()):
        assert not [page for page in pages() if lets_in(client.get(address(page, rows)))]
        assert not [page for page in pages() if lets_in(client.post(address(page, rows), SENT))]


def test_every_model_that_has_pages_has_a_row_here(rows):
    names: set[Any] = {f"{model._meta.app_label}_{model._meta.model_name}" for model in apps.get_models()}
    assert set(rows) <= names
    assert set(registered()) <= set(rows)
